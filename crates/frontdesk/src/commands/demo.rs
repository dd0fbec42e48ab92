//! `frontdesk demo`: Frontdesk and a sandbox of its providers in one process, and a morning played against them.

use crate::assemble::store_failed;
use crate::cli::{self, Context};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::live::stop_signal;
use crate::printer::Printer;
use crate::story::{House, Measured, Teller};
use clap::Args;
use frontdesk_web::mint_status_link;

/// What it takes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// End when the story does, with exit code 2 if anything deviated from it
    #[arg(long)]
    once: bool,
    /// The seed of all ids at the fake providers
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// Plays the morning, then stays up for its links to be opened, unless `--once`.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let log = context.global.verbose.then(|| context.start_log());
    let result = cli::runtime().block_on(demo(arguments, &mut context.printer));
    if let Some(log) = log {
        log.flush();
    }
    result
}

async fn demo(arguments: &Arguments, printer: &mut Printer) -> Result<Exit, Failure> {
    let house = House::open("demo", arguments.seed).await?;
    let mut teller = Teller::new(printer, house.config.site.zone.clone());
    teller.line(&format!(
        "{}: a paid community, its payments, and Frontdesk between them.\n\
         Everything runs on this machine; no account is needed, and nothing leaves it.",
        house.config.site.name
    ))?;
    let mut stage = house.stage(teller);
    let spans = stage.morning().await?;
    stage.what_no_event_tells().await?;
    let measured = stage.measured(&spans).await?;
    finish(&measured, printer)?;
    if !arguments.once {
        links(&house, printer).await?;
        stop_signal().await;
    }
    house.leave().await?;
    Ok(if measured.ok { Exit::Done } else { Exit::Found })
}

/// The numbers: a few sentences, or one line of JSON.
fn finish(measured: &Measured, printer: &mut Printer) -> Result<(), Failure> {
    if printer.is_json() {
        let mut line = serde_json::to_vec(measured).expect("measurements are numbers and text");
        line.push(b'\n');
        return printer.bytes(&line);
    }
    let (webhooks, circle) = (&measured.webhooks, &measured.circle);
    printer.text(&format!(
        "\nCounted\n\
         {:>8}  webhooks: {} events, {} of them lost and found, {} repeated, {} refused\n\
         {:>8}  calls to Circle, {} invitations, at most {} for one person\n\
         {:>8}  calls to Kit, {} of them put a tag on or took one off\n\
         {:>8}  ms from payment to access at the median, {} at the 95th percentile\n\
         {:>8}  ms from refund to access gone",
        webhooks.sent,
        webhooks.accepted,
        webhooks.healed,
        webhooks.duplicate,
        webhooks.rejected,
        circle.calls,
        circle.invitations,
        circle.invitations_per_customer_max,
        measured.kit.calls,
        measured.kit.tag_writes,
        measured.payment_to_access_ms.p50,
        measured.payment_to_access_ms.p95,
        measured.refund_to_revoke_ms,
    ))?;
    if measured.ok {
        return printer.text("\nAll of it was seen on both sides, and the audit log verifies.");
    }
    printer.text("\nThis deviated from the story:")?;
    for problem in &measured.problems {
        printer.text(&format!("  {problem}"))?;
    }
    Ok(())
}

/// What to open while it stays up.
async fn links(house: &House, printer: &mut Printer) -> Result<(), Failure> {
    let site = house.config.site.url.as_str();
    let mut teller = Teller::new(printer, house.config.site.zone.clone());
    teller.line("\nOpen (until you press Ctrl-C)")?;
    for name in ["Ada", "Ben", "Cleo", "Dan", "Eva"] {
        let address = format!("{}@example.com", name.to_lowercase());
        let found =
            house.engine.store().find_customers(&address, 1).await.map_err(|error| store_failed(&error))?;
        for customer in found {
            let link = mint_status_link(&house.engine, site, &customer)
                .await
                .map_err(|error| store_failed(&error))?;
            teller.line(&format!("  {:<15}{}", format!("{name}'s page"), link.unwrap_or_default()))?;
        }
    }
    teller.line(&format!("  {:<15}{}/_sandbox/", "the providers", house.sandbox_url()))?;
    teller.line(&format!("  {:<15}{site}/readyz", "its health"))?;
    let file = house.file.display();
    teller.line(&format!("\nAsk, from another terminal\n  frontdesk explain ada@example.com --config {file}"))
}
