"""The texts that all desks share: counting a tray."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "desk.product": ("desks", "工作台"),
    "count.title": ("Count the tray", "清点来盘"),
    "count.nothing": (
        "You have no tray to count. The most urgent one that was handed to your station is given to you.",
        "您手上没有待清点的盘。系统会把交到本工位的最急的一盘分配给您。",
    ),
    "count.begin": ("Give me the next tray", "领取下一盘"),
    "count.back": ("Back to the desk", "返回工作台"),
    "count.how": (
        "Scan everything that lies in the tray, each once; then say that it is all. How many there should be is not"
        " shown. What is missing or too many becomes a case.",
        "逐件扫描盘中的每一件，扫完后确认。应有数量不显示；缺少或多出的件将立为差错。",
    ),
    "count.tray": ("Tray", "盘"),
    "count.until": ("yours until", "由您清点至"),
    "count.number": ("Scan", "扫描"),
    "count.scan_it": ("Enter", "录入"),
    "count.scanned": ("scanned", "件已扫描"),
    "count.unsent": ("not stored yet", "件尚未保存"),
    "count.failed": (
        "The server does not answer; what was scanned is sent again.",
        "服务器无响应，已扫描的件将重新发送。",
    ),
    "count.close": ("That is all", "已全部扫描"),
    "count.none": ("No tray waits for your station now. Ask again.", "目前没有交到本工位的盘，请稍后再领取。"),
    "count.anew": ("Count anew", "重新清点"),
    "count.emulated": ("Scan everything", "扫描全部"),
    "count.recorded": (
        "Who counted which tray, and each scan, are recorded.",
        "谁清点了哪一盘以及每次扫描都会被记录。",
    ),
    "count.empty": (
        "Nothing was scanned. Scan what lies in the tray, or say that it is empty: then all of it is missing.",
        "尚未扫描任何件。请扫描盘中各件；若盘确为空，请确认，全部将按缺少立案。",
    ),
    "count.is_empty": ("The tray is empty: all of it is missing", "盘为空：全部缺少"),
    "count.over": ("This count is over. Ask for the next tray.", "本次清点已结束，请领取下一盘。"),
    "count.taken": (
        "Another desk was given that tray at this moment. Ask again.",
        "该盘刚被分配给其他工作台，请重新领取。",
    ),
    "count.scan": ("That is no number of a piece or parcel. Scan it again.", "这不是证件或邮包的编号，请重新扫描。"),
    "count.stale": ("This page is too old. Load it again.", "页面已过期，请刷新后重试。"),
}  # fmt: skip
