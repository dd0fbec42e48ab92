//! Taking up the catalogue at start.

use crate::engine::new_entry_id;
use crate::ports::Ports;
use crate::settings::Settings;
use frontdesk_core::catalogue::Catalogue;
use frontdesk_core::id::SourceId;
use frontdesk_store::{CatalogueVersion, Commit, EntryKind, EntryState, Error, NewEntry, Store, Write};
use std::collections::BTreeSet;

/// The catalogue in force: the file's, carrying along what earlier versions granted.
///
/// Another one than last time enters the journal, and every customer is looked at again under it: a price that was
/// added heals those who bought it, a line that was taken out removes nobody (DESIGN §3).
pub(crate) async fn take_up<P: Ports>(
    ports: &P,
    store: &Store,
    settings: &Settings,
) -> Result<Catalogue, Error> {
    let now = ports.now_wall();
    let previous = store.catalogues().await?.pop().map(|version| version.catalogue);
    let catalogue = match &previous {
        Some(previous) => {
            let same_file = Catalogue { earlier: BTreeSet::new(), ..previous.clone() } == settings.catalogue;
            if same_file { previous.clone() } else { settings.catalogue.clone().following(previous) }
        }
        None => settings.catalogue.clone(),
    };
    if previous.as_ref() == Some(&catalogue) {
        return Ok(catalogue);
    }
    let entry = new_entry_id(ports);
    let version = catalogue.version();
    let body = serde_json::to_vec(&catalogue).expect("a catalogue holds only strings, numbers and sets");
    let journal = NewEntry {
        id: entry.clone(),
        source: settings.source.id.clone(),
        event_key: format!("catalogue:{entry}"),
        kind: EntryKind::Catalogue,
        event_type: "catalogue.changed".to_owned(),
        object_id: Some(version.clone()),
        object_created_at: None,
        livemode: None,
        api_version: None,
        received_at: now,
        verified_by: None,
        headers: "{}".to_owned(),
        body,
        state: EntryState::Effect,
        reason: None,
    };
    let taken_up =
        CatalogueVersion { version: version.clone(), entry, catalogue: catalogue.clone(), since: now };
    let mut writes =
        vec![Write::Journal(journal), Write::CatalogueVersion(taken_up), Write::WakeAll { at: now }];
    for alert in store.open_alerts().await?.into_iter().filter(|alert| alert.kind == "unmapped") {
        let Some((source, id)) = alert.subject.split_once(':') else { continue };
        let source = SourceId::new(source);
        if catalogue.plan_for(&source, Some(id), None).is_some() || catalogue.ignores(&source, Some(id), None)
        {
            writes.push(Write::AlertClose { key: alert.key, at: now });
        }
    }
    store.commit(Commit { expect: Vec::new(), writes }).await?;
    tracing::info!(catalogue.version = version, "the catalogue changed: every customer is looked at again");
    Ok(catalogue)
}
