#include "report/html_parts.h"

namespace scoresde {

std::string_view report_style() {
  return R"css(
:root {
  color-scheme: light dark;
  --ground: #fcfbf8; --ink: #22211f; --quiet: #66625b; --rule: #e2ded5; --raised: #f3f0e9; --accent: #0b6bb5;
  --series-1: #0b6bb5; --series-2: #c2500b; --series-3: #0a7f5f;
  --series-4: #a33b8a; --series-5: #8a6d00; --series-6: #5a5fcf;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --serif: "Iowan Old Style", Charter, "Source Serif 4", "Noto Serif", Georgia, serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16171a; --ink: #e6e3dc; --quiet: #a09b91; --rule: #33353a; --raised: #1f2125; --accent: #6db5f2;
    --series-1: #6db5f2; --series-2: #f2935c; --series-3: #4fc9a4;
    --series-4: #e08bcb; --series-5: #d9b84a; --series-6: #a3a6f5;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3.5rem 1.25rem 4rem; max-width: 52.5rem;
  background: var(--ground); color: var(--ink); font: 1.0625rem/1.6 var(--sans);
}
h1, h2, h3 { font-family: var(--serif); font-weight: 600; line-height: 1.2; text-wrap: balance; }
h1 { margin: 0; font-size: 2.5rem; letter-spacing: -.015em; overflow-wrap: anywhere; }
h2 { margin: 0 0 .6rem; font-size: 1.6rem; letter-spacing: -.01em; }
h3 { margin: 2.2rem 0 .3rem; font-size: 1.15rem; }
p { margin: 0 0 1rem; max-width: 42rem; text-wrap: pretty; overflow-wrap: break-word; }
p.subtitle { margin: .5rem 0 0; color: var(--quiet); font-size: 1.15rem; line-height: 1.5; }
p.note, p.meta, figcaption { color: var(--quiet); font-size: .9rem; line-height: 1.5; }
p.meta { margin-bottom: .4rem; font-variant-numeric: tabular-nums; }
section { margin-top: 3.5rem; padding-top: 2rem; border-top: 1px solid var(--rule); }
a { color: var(--accent); text-underline-offset: .2em; }
nav { margin-top: 1.6rem; font-size: .95rem; line-height: 1.9; }
nav a { margin-right: 1.1em; white-space: nowrap; text-decoration: none; }
nav a:hover { text-decoration: underline; }
figure { margin: 0; }
img { display: block; max-width: 100%; height: auto; border-radius: 3px; }
img.pixels { image-rendering: pixelated; }
svg { display: block; max-width: 100%; height: auto; }
.strip {
  display: grid; grid-template-columns: repeat(auto-fill, var(--cell)); grid-auto-rows: 0; grid-template-rows: auto;
  gap: 0 6px; justify-content: space-between; overflow: hidden; margin: 2rem 0 0;
}
.gallery {
  display: grid; grid-template-columns: repeat(auto-fill, var(--cell)); gap: 8px; justify-content: start;
  margin: 1rem 0 1.2rem;
}
.gallery.small { justify-content: space-between; }
.gallery figcaption {
  margin-top: 3px; font-size: .72rem; line-height: 1.25; overflow-wrap: anywhere; max-width: var(--cell);
}
.plot { margin: 1.2rem 0 1.8rem; }
.plot .narrow { display: none; }
.cloud { margin: 1rem 0 1.4rem; }
.cloud svg { border: 1px solid var(--rule); border-radius: 4px; }
dl { margin: 1.6rem 0; }
dt { color: var(--quiet); font-size: .8rem; line-height: 1.4; }
dd { margin: 0; overflow-wrap: anywhere; }
dl.glance {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1.1rem 1.5rem; margin: 2rem 0 0;
}
dl.glance dd { font: 600 1.3rem/1.3 var(--serif); font-variant-numeric: lining-nums; }
dl.list > div {
  display: grid; grid-template-columns: minmax(7rem, 13rem) 1fr; gap: 1rem; padding: .3rem 0;
  border-bottom: 1px solid var(--rule);
}
dl.list > div:last-child { border: 0; }
dl.list dt { font-size: .95rem; line-height: 1.6; }
dl.list dd { font-size: .95rem; }
.scroll { overflow-x: auto; margin: .8rem 0 1.4rem; }
table { border-collapse: collapse; font-size: .95rem; line-height: 1.4; font-variant-numeric: tabular-nums lining-nums; }
th { color: var(--quiet); font-weight: 500; font-size: .85rem; text-align: left; vertical-align: bottom; }
th, td { padding: .4rem 1.4rem .4rem 0; }
thead tr, tbody tr { border-bottom: 1px solid var(--rule); }
.number { text-align: right; white-space: nowrap; }
th.number { white-space: normal; }
th:last-child, td:last-child { padding-right: 0; }
table.path {
  table-layout: fixed; width: min(100%, calc(3.4rem + var(--columns) * (var(--cell) + 8px)));
  min-width: calc(3.4rem + var(--columns) * var(--least)); --least: 48px;
}
table.path tr { border: 0; }
table.path th:first-child, table.path td:first-child { width: 3.4rem; padding: 0; text-align: left; }
table.path th { font-size: .8rem; line-height: 1.5; vertical-align: middle; }
table.path td, table.path td:last-child { padding: 0 4px; text-align: center; }
table.path thead td { color: var(--quiet); font-size: .78rem; line-height: 1.5; white-space: nowrap; }
table.path tbody td, table.path tbody td:last-child { padding: 4px; }
table.path img { width: 100%; }
.share { display: block; height: 5px; margin: .45rem 0; border-radius: 3px; background: var(--rule); overflow: hidden; }
.share i { display: block; height: 100%; background: var(--accent); }
pre {
  margin: .5rem 0 1.2rem; padding: .75rem 1rem; overflow-x: auto; border-radius: 6px; background: var(--raised);
  font: .86rem/1.55 var(--mono); tab-size: 2;
}
pre.command { white-space: pre-wrap; padding-left: 2.1rem; text-indent: -1.1rem; }
pre.command span { white-space: nowrap; }
pre.command::before { content: "$ "; color: var(--quiet); }
ol { padding-left: 1.4rem; }
ol li { padding-left: .3rem; }
ol p { margin-bottom: .3rem; }
summary { cursor: pointer; color: var(--accent); }
footer { margin-top: 3.5rem; color: var(--quiet); font-size: .9rem; }
@media (max-width: 820px) {
  body { padding: 2rem 1.1rem 3rem; font-size: 1rem; }
  h1 { font-size: 2rem; }
  h2 { font-size: 1.4rem; }
  section { margin-top: 2.5rem; padding-top: 1.6rem; }
  .plot .wide { display: none; }
  .plot .narrow { display: block; }
  .plot .narrow svg { width: 100%; max-width: 30rem; }
  dl.glance { grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); }
  dl.glance dd { font-size: 1.15rem; }
  dl.list > div { grid-template-columns: minmax(5rem, 8rem) 1fr; }
}
@media (max-width: 520px) {
  table.path { --least: 34px; min-width: calc(2.6rem + var(--columns) * var(--least)); }
  table.path th:first-child, table.path td:first-child { width: 2.6rem; }
  table.path td, table.path td:last-child { padding: 0 1px; }
  table.path tbody td, table.path tbody td:last-child { padding: 1px; }
  table.path thead td { font-size: .62rem; letter-spacing: -.02em; }
  table.path th { font-size: .7rem; }
  th, td { padding-right: .9rem; }
}
@media print {
  :root { --ground: #fff; --ink: #000; --quiet: #444; --rule: #bbb; --raised: #f4f4f4; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  section { margin-top: 1.6rem; padding-top: 1rem; }
  h2, h3 { break-after: avoid; }
  .gallery, .plot, .cloud, table, pre.command { break-inside: avoid; }
  pre { white-space: pre-wrap; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details::details-content { content-visibility: visible; height: auto; display: block; }
}
)css";
}

}  // namespace scoresde
