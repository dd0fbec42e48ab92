//! The page at `/_sandbox/`: what each fake holds, for a person to look at.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use crate::world::World;

/// Rows shown of one list; the newest are the last.
const ROWS_MAX: usize = 50;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
    h2{border-bottom:1px solid #ccc;margin-top:2rem}details{margin:.4rem 0}summary{cursor:pointer}\
    pre{background:#f6f6f4;padding:.6rem;overflow:auto;font-size:13px}";

/// Renders the page. No scripts, no other files.
pub(crate) fn render(world: &World, real_now: Timestamp) -> String {
    let state = world.state(real_now);
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sandbox</title><style>{STYLE}</style></head>\
         <body><h1>Sandbox</h1><p>Clock: <code>{}</code>. The same as JSON: <a href=\"/_sandbox/state\">/_sandbox/state</a>.</p>",
        escape(state["clock"]["now"].as_str().unwrap_or_default())
    );
    for section in ["stripe", "circle", "kit"] {
        let _infallible = write!(html, "<h2>{section}</h2>");
        for (name, value) in state[section].as_object().into_iter().flatten() {
            part(&mut html, name, value);
        }
    }
    for section in ["deliveries", "faults"] {
        let _infallible = write!(html, "<h2>{section}</h2>");
        part(&mut html, section, &state[section]);
    }
    html.push_str("</body></html>");
    html
}

fn part(html: &mut String, name: &str, value: &Value) {
    let name = escape(name);
    let _infallible = match value {
        Value::Array(rows) => {
            let first = rows.len().saturating_sub(ROWS_MAX);
            let shown = serde_json::to_string_pretty(&rows[first..]).unwrap_or_default();
            write!(
                html,
                "<details><summary>{name}: {}</summary><pre>{}</pre></details>",
                rows.len(),
                escape(&shown)
            )
        }
        Value::Object(_) => {
            let shown = serde_json::to_string_pretty(value).unwrap_or_default();
            write!(html, "<details><summary>{name}</summary><pre>{}</pre></details>", escape(&shown))
        }
        other => write!(html, "<p>{name}: <code>{}</code></p>", escape(&other.to_string())),
    };
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
