"""The texts of signing in."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "sign_in.title": ("Sign in", "登录"),
    "sign_in.code": ("Staff code or badge", "工号或工牌"),
    "sign_in.password": ("Password", "口令"),
    "sign_in.go": ("Sign in", "登录"),
    "sign_in.hint": (
        "For auditors, leads, administrators and those who take alarms or walk rounds. After 15 minutes without opening"
        " a page you are signed out.",
        "供审计员、班长、管理员以及处理警报、执行巡检的人员使用。15 分钟无操作将自动退出。",
    ),
    "sign_in.hint_desk": (
        "For those who work at a desk, and leads. After 15 minutes without a key you are signed out.",
        "供各工位人员和班长使用。15 分钟无操作将自动退出。",
    ),
    "sign_in.role_desk": (
        "You are who you say, but no desk here is for your role. Two administrators give one: `passline people enrol"
        " CODE --role reviewer`.",
        "身份无误，但此处没有适合您角色的工位。角色由两名管理员授予：`passline people enrol 工号 --role reviewer`。",
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
        "You are who you say, but these pages need the role auditor, lead or administrator, or one that takes"
        " alarms or mends machines. Two administrators give it: `passline people enrol CODE --role auditor`.",
        "身份无误，但查看这些页面需要 auditor（审计员）、lead（班长）、administrator（管理员）或处理警报、"
        "维修机器的角色，由两名管理员授予："
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
    "sign_in.issuer": ("Sign in through {issuer}, to read", "通过 {issuer} 登录（仅查看）"),
    "sign_in.issuer_in": ("You are signed in", "您已登录"),
    "sign_in.issuer_on": ("Go on", "继续"),
    "sign_in.issuer_unasked": (
        "That sign-in was not begun in this browser, or more than ten minutes ago; nothing was done. Begin it here.",
        "该登录不是在此浏览器中发起的，或已超过十分钟，未作任何操作。请在此重新发起。",
    ),
    "sign_in.issuer_issuer": (
        "The centre's sign-in refused; nobody was signed in. Try again, or use code and password.",
        "中心统一登录拒绝了请求，未登录任何人。请重试，或使用工号和口令。",
    ),
    "sign_in.issuer_down": (
        "The centre's sign-in does not answer. Code and password work as always.",
        "中心统一登录没有响应。工号和口令照常可用。",
    ),
    "sign_in.issuer_token": (
        "What the centre's sign-in answered can't be trusted; nobody was signed in. Use code and password, and tell"
        " whoever runs the line.",
        "中心统一登录的回复不可信，未登录任何人。请使用工号和口令，并通知产线管理员。",
    ),
    "sign_in.issuer_weak": (
        "The centre's sign-in did not check you just now, or not as strongly as this line asks; nobody was signed in."
        " Show yourself to it anew.",
        "中心统一登录未在刚才验证您的身份，或验证强度未达到本产线要求，未登录任何人。请重新验证身份。",
    ),
    "sign_in.issuer_codeless": (
        "The centre's sign-in names no staff code for you; nobody was signed in. Tell whoever keeps its accounts.",
        "中心统一登录未提供您的工号，未登录任何人。请通知账号管理员。",
    ),
    "sign_in.issuer_nobody": (
        "The centre's sign-in knows you, and your staff code is nobody's on this line now. Two administrators enrol.",
        "中心统一登录认识您，但您的工号目前未在本产线登记。登记由两名管理员办理。",
    ),
    "sign_in.issuer_relieved": (
        "You were relieved as absent, and sign in to nothing until the shift is over. Tell the lead that you are here.",
        "您已因缺席被接替，本班结束前不能登录。请告知班长您已到岗。",
    ),
    "sign_in.ended": ("You were signed out. Sign in again to go on.", "您已退出登录。请重新登录后继续。"),
    "sign_in.out": ("You are signed out.", "您已退出登录。"),
    "sign_in.nobody": ("Nobody is enrolled on this line yet.", "本产线尚未登记任何人员。"),
    "sign_in.found": (
        "Found the register, then enrol an auditor, on the computer that runs the line:",
        "请在运行产线的计算机上建立人员登记，然后登记审计员：",
    ),
}  # fmt: skip
