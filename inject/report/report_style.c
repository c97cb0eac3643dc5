/* SPDX-License-Identifier: MIT */
/* The style of the page: two themes, print, narrow screens. */
#include "inject/report/report_page.h"
#include "inject/report/report_plot.h"

static const char STYLE[] =
    ":root{--page:#ffffff;--text:#1b1f24;--soft:#57606a;--line:#d8dee4;--panel:#f6f8fa;"
    "--mark:#ffe3c2;--link:#0b5fa5}\n"
    "@media screen and (prefers-color-scheme:dark){:root{--page:#0f141a;--text:#e3e7ec;"
    "--soft:#9aa4b2;--line:#2c343e;--panel:#171d25;--mark:#6a3d0c;--link:#6cb6f5}}\n"
    "*{box-sizing:border-box}\n"
    "html{color-scheme:light dark;-webkit-text-size-adjust:100%}\n"
    "body{margin:0 auto;max-width:76rem;padding:1.5rem clamp(.75rem,3vw,2rem) 4rem;"
    "background:var(--page);color:var(--text);font:1rem/1.55 system-ui,-apple-system,\"Segoe UI\","
    "Roboto,\"Helvetica Neue\",Arial,\"Liberation Sans\",sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:1.75rem;line-height:1.2;margin:.2rem 0 .4rem}\n"
    "h2{font-size:1.25rem;margin:2.6rem 0 .7rem;padding-bottom:.3rem;"
    "border-bottom:1px solid var(--line)}\n"
    "h3{font-size:1rem;margin:0 0 .4rem}h4{font-size:.85rem;margin:.2rem 0;color:var(--soft)}\n"
    "p,li{max-width:50rem}p{margin:.5rem 0}.soft{color:var(--soft);font-size:.9rem}\n"
    "code{font-size:.85em;font-family:ui-monospace,Menlo,Consolas,\"Liberation Mono\",monospace}\n"
    "nav{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin:1rem 0;font-size:.9rem}\n"
    "a{color:var(--link);text-underline-offset:.15em}\n"
    ".verdict{list-style:none;padding:.9rem 1.1rem;margin:1rem 0;background:var(--panel);"
    "border:1px solid var(--line);border-left:.3rem solid var(--a);border-radius:.4rem}\n"
    ".verdict li{margin:.3rem 0;max-width:none}\n"
    ".figures{columns:2 30rem;column-gap:1.2rem}\n"
    "figure{margin:0 0 1.2rem;padding:.9rem;border:1px solid var(--line);border-radius:.4rem;"
    "min-width:0;break-inside:avoid}\n"
    "figure svg{display:block;width:100%;height:auto;color:var(--text);overflow:visible}\n"
    "figcaption{font-size:.85rem;line-height:1.45;color:var(--soft);margin-top:.6rem}\n"
    "figcaption b{color:var(--text)}\n"
    ".shapes{position:absolute}\n"
    ".scroll{overflow-x:auto;margin:.8rem 0;border:1px solid var(--line);border-radius:.4rem}\n"
    ".scroll:focus-visible{outline:2px solid var(--link)}\n"
    ".tall{max-height:36rem;overflow-y:auto}.tall th{position:sticky;top:0}\n"
    "table{border-collapse:collapse;min-width:100%;font-size:.85rem;line-height:1.35;"
    "overflow-wrap:normal}\n"
    ".caption{margin:1.2rem 0 -.4rem;color:var(--soft);font-size:.85rem}\n"
    "th,td{padding:.35rem .7rem;text-align:left;vertical-align:top;white-space:nowrap;"
    "border-top:1px solid var(--line)}\n"
    "th{font-weight:600;background:var(--panel)}\n"
    ".n{text-align:right;font-variant-numeric:tabular-nums}.ci{color:var(--soft)}\n"
    ".long{white-space:normal;min-width:18rem}\n"
    ".from{display:block;font-size:.8em;color:var(--soft)}\n"
    ".few td{background:repeating-linear-gradient(135deg,transparent 0 5px,var(--line) 5px 6px)}\n"
    ".example{border:1px solid var(--line);border-radius:.4rem;padding:.9rem;margin:.9rem 0;"
    "break-inside:avoid}\n"
    ".facts span{display:inline-block;margin-right:.8rem;font-size:.85rem}\n"
    ".facts b,.prompt b{color:var(--soft);font-weight:600}.prompt{font-size:.9rem}\n"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));"
    "gap:.7rem}\n"
    ".pair>div{background:var(--panel);border-radius:.3rem;padding:.5rem .8rem;min-width:0}\n"
    ".said{white-space:pre-wrap;margin:.2rem 0;max-width:none;max-height:24rem;overflow-y:auto}\n"
    "mark{background:var(--mark);color:inherit;border-radius:.15em;"
    "text-decoration:underline;text-decoration-thickness:1px}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;font-size:.9rem}\n"
    "dt{color:var(--soft)}dd{margin:0;min-width:0}\n"
    "@media (max-width:36rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}"
    "h1{font-size:1.4rem}figure{padding:.5rem;border-left:0;border-right:0;border-radius:0}}\n"
    "pre{overflow-x:auto;padding:.8rem;background:var(--panel);border:1px solid var(--line);"
    "border-radius:.4rem;font-size:.8rem;line-height:1.4;overflow-wrap:normal;max-height:28rem}\n"
    "details>summary{cursor:pointer;margin:.6rem 0}\n";

/* A4, one column of tables, two of pictures. */
static const char PRINT[] =
    "@page{size:A4;margin:14mm}\n"
    "@media "
    "print{.caption,h3,h4{break-after:avoid}tr{break-inside:avoid}.long{width:30%;min-width:8rem}"
    ".ci{white-space:nowrap}body{max-width:none;padding:0;font-size:10pt}nav{display:none}"
    "pre,.tall,.said{max-height:none;overflow:visible;white-space:pre-wrap}.scroll{overflow:"
    "visible}"
    "th,td{white-space:normal;padding:.12rem .22rem}table{font-size:7.5pt}"
    ".figures{columns:2}h2{break-after:avoid}}\n";

void report_style_write(struct text *out)
{
    text_put(out, "<style>\n");
    report_plot_colours(out);
    text_put(out, STYLE);
    text_put(out, PRINT);
    text_put(out, "</style>\n");
}
