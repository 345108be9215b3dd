#!/usr/bin/env bash
# Loads a report in headless Chromium at 1200, 700 and 400 px and looks for what a reader would stumble over: console
# errors, anything fetched from outside the file, missing pictures, pictures without alternative text, a page wider
# than its window, labels of plots that overlap or are cut off.
#   tests/check_report.sh REPORT.html [FOLDER]      with FOLDER: also leaves screenshots there, light and dark
# Exit code: 0 nothing found, 1 something found (one line each), 2 wrong usage, 77 no Chromium here.
set -euo pipefail

[[ $# -ge 1 && -f "$1" ]] || { echo "usage: check_report.sh REPORT.html [SCREENSHOT_FOLDER]" >&2; exit 2; }
report="$1"
shots="${2:-}"

browser=""
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" > /dev/null; then browser="$name"; break; fi
done
[[ -n "$browser" ]] || { echo "skipped: no chromium, chromium-browser or google-chrome on this machine" >&2; exit 77; }

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

run_browser() {
  timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --no-first-run --disable-extensions --hide-scrollbars \
    --user-data-dir="$scratch/profile" --allow-file-access-from-files --enable-logging=stderr "$@"
}

# Runs inside the report, ahead of its content security policy, and tells the page around it what it found.
cat > "$scratch/probe.js" << 'PROBE'
const problems = [];
addEventListener('error', e => problems.push('error: ' + (e.message || (e.target.src || e.target.href || e.target.tagName))), true);
addEventListener('securitypolicyviolation', e => problems.push('outside resource: ' + e.blockedURI + ' (' + e.violatedDirective + ')'));
function meet(a, b) {
  return Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
}
function look() {
  for (const e of performance.getEntriesByType('resource'))
    if (!e.name.startsWith('data:')) problems.push('outside resource: ' + e.name);
  for (const i of document.images) {
    if (!i.complete || i.naturalWidth === 0) problems.push('missing picture: ' + (i.alt || i.src.slice(0, 60)));
    if (!i.alt) problems.push('picture without alternative text: ' + i.src.slice(0, 60));
  }
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) problems.push('the page is ' + root.scrollWidth + ' px wide in a window of ' + root.clientWidth);
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of new Set(ids.filter((id, k) => ids.indexOf(id) !== k))) problems.push('id twice: ' + id);
  for (const svg of document.querySelectorAll('svg')) {
    const box = svg.getBoundingClientRect();
    if (box.width === 0) continue;
    const texts = [...svg.querySelectorAll('text')].map(t => ({text: t.textContent, box: t.getBoundingClientRect()}));
    const name = svg.getAttribute('aria-label') + ': ';
    texts.forEach((a, k) => {
      if (a.box.left < box.left - 1 || a.box.right > box.right + 1 || a.box.top < box.top - 1 || a.box.bottom > box.bottom + 1)
        problems.push(name + "'" + a.text + "' is cut off");
      for (const b of texts.slice(k + 1)) if (meet(a.box, b.box)) problems.push(name + "'" + a.text + "' lies on '" + b.text + "'");
    });
  }
  for (const cell of document.querySelectorAll('.path thead td, .path thead th'))
    if (cell.scrollWidth > cell.clientWidth) problems.push("the cell '" + cell.textContent + "' is too narrow");
  parent.postMessage({problems, width: innerWidth, images: document.images.length, height: Math.ceil(document.body.getBoundingClientRect().bottom)}, '*');
}
addEventListener('load', () => setTimeout(look, 200));
PROBE

{ printf '<script>'; cat "$scratch/probe.js"; printf '</script>'; } > "$scratch/script.html"
grep -q '<head>' "$report" || { echo "$report: no <head>"; exit 1; }
sed '0,/<head>/{/<head>/r '"$scratch/script.html"'
}' "$report" > "$scratch/page.html"

# One page holds the report at three widths: one start of the browser for all of them.
cat > "$scratch/frame.html" << 'FRAME'
<!doctype html><meta charset="utf-8"><title>check</title><body><script>
addEventListener('message', e => {
  const out = document.createElement('pre');
  const at = e.data.width + ' px: ';
  out.textContent = ['REPORT-DONE ' + e.data.width + ' ' + e.data.images + ' ' + e.data.height,
                     ...e.data.problems.map(p => 'REPORT-PROBLEM at ' + at + p.replaceAll('\n', ' '))].join('\n');
  document.body.append(out);
});
for (const width of [1200, 700, 400]) {
  const frame = document.createElement('iframe');
  frame.style = 'height:2000px;border:0;width:' + width + 'px';
  frame.src = 'page.html';
  document.body.append(frame);
}
</script></body>
FRAME
run_browser --window-size=1400,2100 --virtual-time-budget=5000 --dump-dom "file://$scratch/frame.html" \
  > "$scratch/dom.html" 2> "$scratch/log.txt" || true
sed -i 's/<[a-z/][^>]*>/\n&\n/g' "$scratch/dom.html"

found=0
declare -A height
pictures=0
while read -r _ width images tall; do height[$width]="$tall"; pictures="$images"; done < <(grep '^REPORT-DONE ' "$scratch/dom.html" || true)
for width in 1200 700 400; do
  [[ -n "${height[$width]:-}" ]] && continue
  echo "$report at $width px: the page did not finish loading"
  found=1
done
while IFS= read -r line; do
  echo "$report ${line#REPORT-PROBLEM }"
  found=1
done < <(grep '^REPORT-PROBLEM ' "$scratch/dom.html" || true)
while IFS= read -r line; do
  echo "$report: console: ${line#*CONSOLE}"
  found=1
done < <(grep -a 'CONSOLE' "$scratch/log.txt" || true)

if [[ -n "$shots" ]]; then
  mkdir -p "$shots"
  cp "$report" "$scratch/page.html"
  for width in 1200 400; do
    for scheme in dark light; do  # Blink's PreferredColorScheme: dark is 0, light is 1
      printf '<!doctype html><style>body{margin:0}</style><iframe src="page.html" style="width:%spx;height:%spx;border:0"></iframe>' \
        "$width" "${height[$width]:-2000}" > "$scratch/frame.html"
      run_browser --window-size="$((width < 500 ? 500 : width)),${height[$width]:-2000}" --screenshot="$shots/report-$width-$scheme.png" \
        --blink-settings="preferredColorScheme=$([[ $scheme == dark ]] && echo 0 || echo 1)" "file://$scratch/frame.html" \
        > /dev/null 2>&1 || { echo "no screenshot at $width px"; found=1; }
    done
  done
fi

[[ $found -eq 0 ]] && echo "$report: $pictures pictures, nothing missing, no console error"
exit "$found"
