"""Every text of the pages, English and Chinese side by side; `terms.py` has the log's own vocabulary."""

from typing import Final

from handoff_logs.pages.languages import Language
from handoff_logs.pages.terms import TERMS

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "product": ("Audit pages", "审计页面"),
    "emulated": ("EMULATED", "EMULATED 模拟"),
    "emulated.line": (
        "EMULATED line: machines, staff and documents here are not real.",
        "EMULATED 模拟产线：这里的设备、人员和证件都不是真实的。",
    ),
    "skip": ("Skip to the content", "跳到正文"),
    "language": ("Language", "语言"),
    "signed_in": ("Signed in as", "已登录"),
    "sign_out": ("Sign out", "退出登录"),
    "recorded": ("Read-only. What you look up and export is recorded.", "只读。您的查询和导出都会被记录。"),
    "times": ("Times are local: {zone}.", "时间为本地时间：{zone}。"),
    "nav.search": ("Search", "查询"),
    "nav.stations": ("Stations", "工位"),
    "nav.shifts": ("Shifts", "班次"),
    "nav.questions": ("Questions", "审计问题"),
    "nav.integrity": ("Integrity", "完整性"),
    "nav.label": ("Pages", "页面"),
    "search.label": ("Number", "编号"),
    "search.hint": (
        "A document's, application's, blank's or parcel's number, exactly as printed. Press / to come here.",
        "证件、申请、空白证件或邮包的编号，须与印刷完全一致。按 / 键跳到此处。",
    ),
    "search.go": ("Find its custody", "查交接记录"),
    "search.title": ("Who held it, when, with proof", "谁在何时持有，附证明"),
    "search.unknown": ("The log does not know the number {number}", "日志中没有编号 {number}"),
    "search.empty": ("No number was given", "没有输入编号"),
    "search.empty.next": ("Type a number in the box above.", "请在上方输入编号。"),
    "search.long": (
        "At most {most} characters can be asked for; these are {length}",
        "最多可输入 {most} 个字符，输入了 {length} 个",
    ),
    "search.long.next": ("Nothing was looked up. Type it again.", "未作查询。请重新输入。"),
    "search.exact": (
        "Numbers are compared exactly: no part of one, no wildcard, capital letters as printed. Check it, or it belongs"
        " to another line.",
        "编号须完全一致：不支持部分编号和通配符，字母大小写须与印刷一致。请核对；也可能属于另一条产线。",
    ),
    "search.meant": ("The log does know", "日志中有"),
    "search.staff": ("It looks like a staff code:", "这像是工号："),
    "custody.title": ("Custody of {number}", "{number} 的交接全程"),
    "custody.together": ("What belongs together", "关联的实物"),
    "custody.line": ("Custody, act by act", "交接时间线"),
    "custody.proof": ("Proof", "证明"),
    "custody.units": ("Units", "实物"),
    "custody.now": ("Now", "现状"),
    "custody.since": ("since", "自"),
    "custody.giver": ("Given by", "移交方"),
    "custody.taker": ("Answered by", "接收方"),
    "custody.unanswered": ("Not answered yet", "尚未答复"),
    "custody.to": ("to", "交给"),
    "custody.counted": ("{counted} of {expected} counted", "应 {expected}，实点 {counted}"),
    "custody.with": ("with {units} other units", "同时含其他 {units} 件"),
    "custody.cases": ("Count differences", "清点差异"),
    "custody.case.open": ("open", "未结"),
    "custody.case.settled": ("settled", "已结"),
    "custody.corrected": ("Corrected later", "后经更正"),
    "custody.late": ("{late} after its due time", "超过时间节点 {late}"),
    "custody.proof_file": ("Proof file, verified without the log", "证明文件（可脱离日志验证）"),
    "custody.all": ("As a table, filtered, exported", "表格、筛选与导出"),
    "custody.print": ("Printed by {reader} at {now}", "{reader} 打印于 {now}"),
    "custody.acts": ("{acts} acts, {units} units.", "{acts} 次操作，{units} 件实物。"),
    "seal.leaf": ("leaf", "叶"),
    "seal.checkpoint": ("checkpoint", "检查点"),
    "seal.unsealed": ("Not sealed yet", "尚未封存"),
    "seal.leafed": ("In the tree, root not signed yet", "已入树，根尚未签名"),
    "seal.witnessed": ("Witnessed", "已见证"),
    "seal.unwitnessed": ("Not witnessed", "未见证"),
    "seal.by": ("by {witness}", "见证人 {witness}"),
    "seal.key": ("signed with key", "签名密钥"),
    "seal.all": ("All {acts} acts are sealed and witnessed", "全部 {acts} 次操作均已封存并见证"),
    "seal.some": (
        "{sealed} of {acts} acts are sealed, {witnessed} are witnessed",
        "{acts} 次操作中 {sealed} 次已封存，{witnessed} 次已见证",
    ),
    "fact.happened": ("happened", "发生"),
    "fact.written": ("written", "写入"),
    "fact.due": ("due", "时间节点"),
    "fact.people": ("people", "人员"),
    "fact.place": ("place", "位置"),
    "fact.tray": ("tray", "托盘"),
    "fact.machine": ("machine", "设备"),
    "fact.shift": ("shift", "班次"),
    "fact.reason": ("reason", "原因"),
    "fact.outcome": ("outcome", "结果"),
    "fact.record": ("record", "记录"),
    "stations.title": ("Stations", "工位"),
    "stations.offers": ("offers", "移交"),
    "stations.none": ("No unit is in the log yet", "日志中尚无实物"),
    "station.title": ("Station {station}", "工位 {station}"),
    "station.holds": ("What it holds", "持有"),
    "station.holds.none": ("It holds nothing", "没有持有任何实物"),
    "station.to_take": ("Offered to it, not accepted", "待其接收"),
    "station.to_take.none": ("Nothing is offered to it", "没有待接收的移交"),
    "station.given": ("Offered by it, not accepted", "其移交、对方未接收"),
    "station.given.none": ("It has offered nothing that waits", "没有等待对方接收的移交"),
    "station.unknown": ("The log does not know the station {station}", "日志中没有工位 {station}"),
    "station.unknown.next": ("The page Stations lists them all.", "“工位”页列出了全部工位。"),
    "station.ended": ("What ended here", "在此终结的实物"),
    "station.due": ("earliest due", "最早时间节点"),
    "shifts.title": ("Shifts and machines on {day}", "{day} 的班次与设备"),
    "shifts.day": ("Day", "日期"),
    "shifts.show": ("Show", "显示"),
    "shifts.before": ("Day before", "前一天"),
    "shifts.after": ("Day after", "后一天"),
    "shifts.none": ("Nothing happened on this day", "当天没有记录"),
    "shifts.acts": ("acts", "操作数"),
    "shifts.first": ("first", "最早"),
    "shifts.last": ("last", "最晚"),
    "shifts.none_named": ("outside any shift", "不属于任何班次"),
    "shifts.no_machine": ("no machine", "未用设备"),
    "questions.title": ("The sixteen questions", "十六个审计问题"),
    "question.page": ("A permalink: the address holds all filters.", "固定链接：网址包含全部筛选条件。"),
    "question.ask": ("Ask", "查询"),
    "question.clear": ("Clear the filters", "清除筛选"),
    "question.filters": ("Filters", "筛选"),
    "question.more": ("Next page", "下一页"),
    "question.time_form": ("2026-11-25T14:30", "2026-11-25T14:30"),
    "question.first": ("Back to the first page", "回到第一页"),
    "question.rows": ("Rows on this page: {rows}.", "本页 {rows} 行。"),
    "question.none": ("Nothing found.", "没有找到。"),
    "question.export": ("Export all rows", "导出全部"),
    "question.period.assumed": (
        "Only today, because no time was asked: {start} to {end}.",
        "未指定时间，仅含今天：{start} 至 {end}。",
    ),
    "question.period": ("From {start} to {end}.", "自 {start} 至 {end}。"),
    "question.subject": ("This question needs {subject}.", "此问题需要填写{subject}。"),
    "question.findings": ("Every row here is something wrong.", "这里的每一行都是问题。"),
    "question.clean": ("No findings", "没有发现问题"),
    "question.all_columns": ("All columns", "全部列"),
    "question.few_columns": ("Fewer columns", "主要列"),
    "question.bad_time": ("{word} is no time", "{word} 不是时间"),
    "question.bad_time.next": (
        "Write 2026-11-25 or 2026-11-25T14:30. Nothing was looked up.",
        "请写成 2026-11-25 或 2026-11-25T14:30。未作查询。",
    ),
    "integrity.title": ("Integrity of the log", "日志完整性"),
    "integrity.records": ("number of the last record", "最后记录号"),
    "integrity.sealed": ("leaves in the tree", "树中叶数"),
    "integrity.unsealed": ("records not sealed yet", "条记录未封存"),
    "integrity.oldest": ("oldest {age}", "最久 {age}"),
    "integrity.checkpoint": ("Last checkpoint", "最近检查点"),
    "integrity.no_checkpoint": ("No checkpoint was signed yet", "尚未签署检查点"),
    "integrity.origin": ("Log", "日志名"),
    "integrity.size": ("Size", "大小"),
    "integrity.root": ("Root", "根"),
    "integrity.signed": ("Signed with key", "签名密钥"),
    "integrity.witnesses": ("Witnesses", "见证人"),
    "integrity.no_witness": ("Nobody outside has seen this log yet", "尚无外部见证"),
    "integrity.seen": ("saw size", "所见大小"),
    "integrity.when": ("at", "时间"),
    "integrity.behind": ("{leaves} leaves behind", "落后 {leaves} 叶"),
    "integrity.current": ("up to date", "最新"),
    "integrity.keys": ("Keys and their owners", "密钥及其所有者"),
    "integrity.key": ("Key", "密钥"),
    "integrity.owner": ("Owner", "所有者"),
    "integrity.state": ("State", "状态"),
    "integrity.registered": ("Registered", "登记于"),
    "integrity.valid": ("valid", "有效"),
    "integrity.revoked": ("revoked: {reason}", "已吊销：{reason}"),
    "integrity.public": ("Public key", "公钥"),
    "integrity.epochs": ("Logs before this one", "此前的日志"),
    "integrity.verified": ("Last clean verification", "最近一次通过的核验"),
    "integrity.verified.never": (
        "None has been kept in the line's folder; `passline logs verify` makes one",
        "产线目录中没有核验记录；`passline logs verify` 可生成",
    ),
    "integrity.verified.unreadable": ("Its file can't be read: verify anew", "核验记录无法读取，请重新核验"),
    "integrity.verified.other": (
        "The log signs another root for this size now: keep everything, and verify",
        "日志对同一大小签署了另一个根：请保留所有证据并核验",
    ),
    "integrity.lookups": ("Look-ups and exports, of pages and terminals", "页面与终端的查询与导出记录"),
    "integrity.lookups.count": ("{count} recorded, the last {when}", "已记录 {count} 次，最近 {when}"),
    "integrity.state.good": ("Everything is sealed and witnessed", "全部已封存并见证"),
    "integrity.state.waiting": ("Some records wait to be sealed or witnessed", "部分记录等待封存或见证"),
    "integrity.state.none": ("Nothing is sealed: is the sealer running?", "没有任何封存：封存程序是否在运行？"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "problem.missing": ("There is no such page", "没有此页面"),
    "problem.missing.next": ("Search for a number, or choose a page above.", "请查询编号，或从上方选择页面。"),
    "problem.method": ("This page changes nothing", "此页面不作任何修改"),
    "problem.method.next": ("Auditors only read. Nothing was done.", "审计员只能查看。未作任何操作。"),
    "problem.unrecorded": ("Nothing is answered", "未予回答"),
    "problem.unrecorded.next": (
        "The look-up could not be recorded, and without a record there is no answer. Tell whoever runs the line:"
        " `passline run` brings the tables up to date. Then ask again.",
        "本次查询无法记录，没有记录就不予回答。请通知产线管理员：`passline run` 会更新数据表。之后请重试。",
    ),
    "problem.unreadable": ("The log can't be read now", "目前无法读取日志"),
    "problem.unreadable.next": (
        "Nothing was answered. Tell whoever runs the line, and try again.",
        "未予回答。请通知产线管理员，然后重试。",
    ),
    "problem.cursor": ("This page of the answer does not exist", "没有此页结果"),
    "problem.cursor.next": ("Ask its first page again.", "请从第一页重新查询。"),
    "problem.extra": ("This export needs a part that is not installed", "此导出所需组件未安装"),
    "problem.extra.next": ("Take CSV or JSON, which need none.", "请改用 CSV 或 JSON。"),
    "problem.unproven": ("The log does not prove this", "日志不能证明此内容"),
    "problem.unproven.next": (
        "A proof was made and does not hold, so it is not handed out. Tell whoever keeps the keys, and verify the log.",
        "所作证明不成立，因此不予提供。请通知密钥保管人并核验日志。",
    ),
    "problem.unsealed": ("There is no proof of it yet", "尚无证明"),
    "problem.unsealed.next": (
        "The log has signed no checkpoint. Ask again when it is sealed.",
        "日志尚未签署检查点。请在封存后重试。",
    ),
    "problem.spans": ("One proof does not cover it", "一份证明不能涵盖"),
    "problem.spans.next": (
        "Between its records a loss was declared and a new log begun. Verify the whole log instead.",
        "其记录之间曾宣告损失并另起日志。请核验整个日志。",
    ),
    "problem.broken": ("A fault in the pages themselves", "页面程序本身出错"),
    "problem.broken.next": (
        "Nothing was changed. It is in the program's log; tell whoever runs the line.",
        "未作任何修改。已写入程序日志，请通知产线管理员。",
    ),
    "sign_in.title": ("Sign in", "登录"),
    "sign_in.code": ("Staff code", "工号"),
    "sign_in.password": ("Password", "口令"),
    "sign_in.go": ("Sign in", "登录"),
    "sign_in.hint": (
        "For auditors and administrators. After 15 minutes without opening a page you are signed out.",
        "供审计员和管理员使用。15 分钟无操作将自动退出。",
    ),
    "sign_in.refused": (
        "The sign-in is refused. Type code and password again; after 5 refusals a code is locked for 15 minutes.",
        "登录被拒绝。请重新输入工号和口令；连续 5 次被拒后该工号锁定 15 分钟。",
    ),
    "sign_in.locked": (
        "This code is locked until {until}, because too many sign-ins were refused.",
        "登录被拒绝次数过多，此工号锁定至 {until}。",
    ),
    "sign_in.role": (
        "Code and password are right, but these pages need the role auditor, lead or administrator. Two administrators"
        " give it: `passline people enrol CODE --role auditor`.",
        "工号和口令正确，但查看这些页面需要 auditor（审计员）、lead（班长）或 administrator（管理员）角色，"
        "由两名管理员授予："
        "`passline people enrol 工号 --role auditor`。",
    ),
    "sign_in.many": (
        "Too many sign-ins came from this address. Wait a quarter of an hour.",
        "此地址登录次数过多，请一刻钟后再试。",
    ),
    "sign_in.stale": (
        "The form was too old or came from elsewhere; nothing was done. Sign in here.",
        "表单已过期或来自其他页面，未作任何操作。请在此登录。",
    ),
    "sign_in.ended": ("You were signed out. Sign in again to go on.", "您已退出登录。请重新登录后继续。"),
    "sign_in.out": ("You are signed out.", "您已退出登录。"),
    "sign_in.nobody": ("Nobody is enrolled on this line yet.", "本产线尚未登记任何人员。"),
    "sign_in.found": (
        "Found the register, then enrol an auditor, on the computer that runs the line:",
        "请在运行产线的计算机上建立人员登记，然后登记审计员：",
    ),
}  # fmt: skip


class Words:
    """The texts in one language."""

    def __init__(self, language: Language) -> None:
        self._place = tuple(Language).index(language)

    def __call__(self, key: str, **facts: object) -> str:
        """Return a text with its facts put in. Raises KeyError for a text that is in no catalogue."""
        return TEXTS[key][self._place].format(**facts)

    def term(self, family: str, word: object) -> str:
        """Return a word of the log's own in this language; one that is in no catalogue stands for itself."""
        found = TERMS.get(f"{family}.{word}")
        return str(word) if found is None else found[self._place]

    def column(self, name: str) -> str:
        """Return the heading of a column."""
        plain = name.removesuffix("_us")
        found = TERMS.get(f"column.{plain}")
        return plain.replace("_", " ") if found is None else found[self._place]
