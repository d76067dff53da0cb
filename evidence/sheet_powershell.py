"""The script of a test sheet for a Windows host: PowerShell, and the same lines as the shell script prints. Pure.

It was never run on Windows by us: whoever brings its result, and the pack that prints it, is told so. What it cannot
tell apart is said as `refused`, which decides nothing: only a wait that ran out is `silent`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from evidence.packs.manifest import path_part
from evidence.sheet_script import MARK, STAMP, WAIT_S, fields, numeric

SHELL: Final = "powershell"
UNVERIFIED: Final = "not verified on Windows"
SCRIPT: Final = """# Test sheet {sheet} for the host {host}.
# It opens TCP connections and closes them at once; it sends nothing.
# This script for Windows is {unverified}: look at what it prints before you bring it.
# Run it on {host} between {first} and {last} UTC, in PowerShell, and bring the file:
#   powershell -NoProfile -ExecutionPolicy Bypass -File {name}.ps1 | Set-Content -Encoding ascii {name}.txt
$fixed = [Globalization.CultureInfo]::InvariantCulture
function Say([string]$what) {{
  Write-Output ('{mark} ' + $what + ' at=' + [DateTime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", $fixed))
}}
function Try-Row([int]$row, [string]$address, [int]$port) {{
  $seen = 'untried'
  $client = $null
  try {{
    $client = New-Object Net.Sockets.TcpClient([Net.Sockets.AddressFamily]::InterNetwork)
    $begun = $client.BeginConnect([Net.IPAddress]::Parse($address), $port, $null, $null)
    $seen = 'refused'
    if (-not $begun.AsyncWaitHandle.WaitOne({wait_ms})) {{ $seen = 'silent' }}
    else {{
      $client.EndConnect($begun)
      $seen = 'open'
    }}
  }} catch {{
    $cause = $_.Exception.GetBaseException()
    $waited = $cause -is [Net.Sockets.SocketException] -and $cause.ErrorCode -eq 10060
    if ($seen -eq 'refused' -and $waited) {{ $seen = 'silent' }}
  }} finally {{
    if ($client -ne $null) {{ $client.Close() }}
  }}
  Say ('row=' + $row + ' observed=' + $seen + ' how=tcpclient')
}}
Say 'begin sheet={sheet} pairs={sha256} host={host} shell={shell}'
$now = [long][DateTime]::UtcNow.ToString('yyyyMMddHHmm', $fixed)
if ($now -lt {low} -or $now -gt {high}) {{
  Say 'end rows=0 why=outside-the-window'
  exit 3
}}
{tries}
Say 'end rows={rows}'
"""


def powershell(
    sheet: str, sha256: str, host: str, pairs: Iterable[Mapping[str, Any]], window: Sequence[datetime]
) -> str:
    """The script of one host. Nothing in it comes from people but the host's name, made safe."""
    mine = [pair for pair in pairs if pair["from"] == host]
    low, high = (moment.astimezone(UTC) for moment in window)
    name = path_part(host)
    tries = "\n".join(f"Try-Row {int(pair['row'])} '{numeric(pair['target'])}' {int(pair['port'])}" for pair in mine)
    text = SCRIPT.format(
        sheet=sheet, sha256=sha256, host=name, name=f"{sheet}-{name}".lower(), mark=MARK, wait_ms=WAIT_S * 1000,
        first=f"{low:%Y-%m-%d %H:%M}", last=f"{high:%Y-%m-%d %H:%M}", low=f"{low:{STAMP}}", high=f"{high:{STAMP}}",
        tries=tries, rows=len(mine), shell=SHELL, unverified=UNVERIFIED,
    )  # fmt: skip
    return text.replace("\n", "\r\n")


def of_windows(text: str) -> bool:
    """Whether what a script printed says that it was this one."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return fields(first)[1].get("shell") == SHELL
