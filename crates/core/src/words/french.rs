//! French, with *vous*. Blanks before `;`, `?`, `:` and inside « » are made unbreakable when a line
//! is rendered.

use super::lexicon::{
    Calendar, Lexicon, Phrases, Said,
    Sentence::{First, Form, Mail, Person, Say},
};
use super::{Act, Reason, Variant};
use crate::stage::Stage;

pub(super) const WORDS: Lexicon = Lexicon {
    name,
    said,
    reason,
    page: PAGE,
    calendar: Calendar {
        months: [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        months_short: [
            "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.",
        ],
        weekdays: ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
    },
};

fn name(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::PaymentProcessing => &["Paiement en cours"],
        Stage::PaymentFailed => &["Paiement échoué"],
        Stage::PaymentReceived => &["Paiement reçu"],
        Stage::AccessPending => &["Accès en attente"],
        Stage::InviteSent => &["Invitation envoyée"],
        Stage::Active => &["Actif"],
        Stage::PastDue => &["Problème de paiement"],
        Stage::Ending => &["Se termine le {date}", "Résilié"],
        Stage::Ended => &["Terminé"],
        Stage::Refunded => &["Remboursé"],
        Stage::Disputed => &["Contesté"],
        Stage::SupportReview => &["Au support"],
    }
}

fn said(stage: Stage, variant: Variant) -> Said {
    match (stage, variant) {
        (Stage::PaymentProcessing, _) => Said {
            headline: &["Votre paiement est en cours de confirmation."],
            meaning: &[
                Say("Votre banque ou le service de paiement ne l’a pas encore confirmé."),
                Say("Selon le moyen de paiement, il faut quelques minutes ou quelques jours."),
            ],
            next: &[
                Mail("Nous vous écrirons dès que ce sera fait."),
                Say("Vous n’avez pas à payer une seconde fois."),
            ],
            button: None,
        },
        (Stage::PaymentFailed, _) => Said {
            headline: &["Le paiement n’a pas abouti."],
            meaning: &[Say("Il n’a pas été finalisé ; l’accès n’a donc pas commencé.")],
            next: &[
                Say("Vous pouvez réessayer avec la même carte ou une autre."),
                Person("Si votre banque affiche un montant, écrivez-nous et nous regarderons."),
            ],
            button: Some((Act::TryPayment, "Réessayer le paiement")),
        },
        (Stage::PaymentReceived, _) => Said {
            headline: &["Merci. Nous avons votre paiement."],
            meaning: &[Say("Il est arrivé à {time}."), Say("Nous vous ouvrons {community}.")],
            next: &[
                Say("Il faut en général moins d’une minute."),
                Mail("Vous pouvez fermer cette page ; nous vous écrirons."),
            ],
            button: None,
        },
        (Stage::AccessPending, Variant::InLine) => Said {
            headline: &["Vous avez payé. L’accès arrive."],
            meaning: &[
                Say("Beaucoup de monde rejoint {community} en même temps et vous êtes dans la file."),
                Say("Votre paiement est en sécurité."),
            ],
            next: &[
                Say("La file avance d’elle-même ; votre tour vient vers {next}."),
                Say("Vous n’avez rien à faire, ni à payer une seconde fois."),
            ],
            button: None,
        },
        (Stage::AccessPending, Variant::Granted) => Said {
            headline: &["L’accès arrive."],
            meaning: &[Say("Nous vous ouvrons {community}.")],
            next: &[Say("Vous n’avez rien à faire.")],
            button: None,
        },
        (Stage::AccessPending, Variant::Paused) => Said {
            headline: &["Vous avez payé. L’accès arrive."],
            meaning: &[
                Say("Nous avons suspendu un moment les changements dans {community}."),
                Say("Votre paiement est en sécurité."),
            ],
            next: &[
                Mail("Tout reprend dès que la pause se termine et nous vous écrirons."),
                Say("Vous n’avez rien à faire."),
            ],
            button: None,
        },
        (Stage::AccessPending, _) => Said {
            headline: &["Vous avez payé. L’accès arrive."],
            meaning: &[
                Say("{community} ne nous répond pas en ce moment."),
                Say("Votre paiement est en sécurité."),
            ],
            next: &[
                Say("Nous réessayons de nous-mêmes ; prochain essai à {next}."),
                Say("Vous n’avez rien à faire, ni à payer une seconde fois."),
            ],
            button: None,
        },
        (Stage::InviteSent, Variant::Expired) => Said {
            headline: &["Votre invitation a plus d’une semaine."],
            meaning: &[First(&[
                "Envoyée à {address} le {date}, elle ne fonctionne peut-être plus.",
                "Elle ne fonctionne peut-être plus.",
            ])],
            next: &[
                Mail("Nous pouvons vous envoyer un nouveau message pour entrer."),
                Say("Votre paiement est en sécurité."),
            ],
            button: Some((Act::OpenCommunity, "Ouvrir la communauté")),
        },
        (Stage::InviteSent, _) => Said {
            headline: &["Regardez votre boîte mail."],
            meaning: &[First(&[
                "Votre invitation est dans le message « {subject} », envoyé à {address} le {date}.",
                "Le message avec votre invitation a été envoyé à {address} le {date}.",
                "Le message avec votre invitation a été envoyé.",
            ])],
            next: &[
                Say("Ouvrez-le et choisissez un mot de passe."),
                Say("Rien reçu ? Regardez dans les indésirables ou les promotions."),
            ],
            button: Some((Act::OpenCommunity, "Ouvrir la communauté")),
        },
        (Stage::Active, _) => Said {
            headline: &["Vous y êtes."],
            meaning: &[Say("Tout ce que vous avez payé est ouvert.")],
            next: &[First(&[
                "{plan} se renouvelle le {date} pour {amount}.",
                "{plan} se renouvelle le {date}.",
            ])],
            button: Some((Act::OpenCommunity, "Aller à la communauté")),
        },
        (Stage::PastDue, _) => Said {
            headline: &["Le renouvellement n’a pas abouti."],
            meaning: &[
                Say("Vous gardez votre accès pour le moment."),
                Say("Réponse de la banque : {reason}."),
            ],
            next: &[
                Say("Mettez à jour vos données de paiement au plus tard le {date} pour le garder."),
                Say("Nouvel essai le {next}."),
            ],
            button: Some((Act::UpdatePayment, "Mettre à jour le paiement")),
        },
        (Stage::Ending, _) => Said {
            headline: &["Votre accès se termine le {date}.", "Votre offre est résiliée."],
            meaning: &[First(&[
                "{plan} est résilié et reste ouvert jusque-là, sans renouvellement.",
                "Il n’y aura pas de renouvellement.",
            ])],
            next: &[Say("Si vous changez d’avis avant ce jour, rien n’est interrompu.")],
            button: None,
        },
        (Stage::Ended, _) => Said {
            headline: &["Votre accès est terminé."],
            meaning: &[Say("{plan} s’est terminé le {date}, sans renouvellement.")],
            next: &[
                Say("Ce que vous avez acheté définitivement reste à vous."),
                Say("Vous pouvez revenir quand vous voulez."),
            ],
            button: None,
        },
        (Stage::Refunded, _) => Said {
            headline: &["Votre paiement a été remboursé."],
            meaning: &[Say("{amount} a été remboursé le {date}, ce qui a mis fin à l’accès à {community}.")],
            next: &[
                Say("La date sur votre relevé dépend de votre banque."),
                Person("Si c’était une erreur, demandez à une personne ci-dessous."),
            ],
            button: None,
        },
        (Stage::Disputed, _) => Said {
            headline: &["Votre banque examine un paiement."],
            meaning: &[
                Say("Le paiement de {amount} a été contesté auprès de la banque le {date}."),
                Say("L’accès à {community} est suspendu jusqu’à ce que ce soit réglé."),
            ],
            next: &[Person("Si ce n’était pas voulu, écrivez-nous et nous réglerons cela ensemble.")],
            button: Some((Act::WriteToPerson, "Écrire à une personne")),
        },
        (Stage::SupportReview, Variant::MailCameBack) => Said {
            headline: &["Nous n’arrivons pas à vous écrire."],
            meaning: &[
                Say("Notre message à {address} nous est revenu."),
                Say("Votre paiement est en sécurité."),
            ],
            next: &[
                Form("Vérifiez l’adresse ci-dessous ou donnez-nous-en une autre."),
                Say("Votre dossier est {case}."),
            ],
            button: None,
        },
        (Stage::SupportReview, _) => Said {
            headline: &["Une personne s’en occupe."],
            meaning: &[
                Say("Votre paiement est en sécurité."),
                Say("Nous n’avons pas pu ouvrir {community} automatiquement ; quelqu’un vérifie."),
            ],
            next: &[
                Say("Votre dossier est {case}."),
                Say("Vous n’avez pas à écrire deux fois, ni à payer une seconde fois."),
            ],
            button: None,
        },
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "la carte a expiré",
        Reason::Funds => "le montant n’était pas disponible",
        Reason::Confirm => "la banque demande votre confirmation",
        Reason::Details => "les données ne correspondaient pas",
        Reason::Declined => "refusé, sans motif indiqué",
    }
}

const PAGE: Phrases = Phrases {
    skip: "Aller au contenu",
    how_far: "Où cela en est",
    steps: [
        "Paiement reçu",
        "Ouverture de la communauté",
        "Invitation envoyée",
        "Vous l’acceptez",
        "Vous y êtes",
    ],
    done: "fait",
    to_come: "à venir",
    have: "Ce que vous avez",
    paid_until: "{plan}, payé jusqu’au {date}",
    checked: "Vérifié il y a {age} · se met à jour d’elle-même",
    as_of: "À {time}",
    check_again: "Vérifier à nouveau",
    paused: "Les mises à jour sont suspendues. Voici l’état à {time}.",
    load_again: "Recharger",
    could_not_look: "Nous n’avons pas pu vérifier. Voici l’état à {time}.",
    right_address: "Est-ce la bonne adresse ?",
    goes_to: "Tout est envoyé à {address}.",
    typo: "Il y a peut-être une faute de frappe.",
    typo_meant: "Vouliez-vous une adresse chez {domain} ? Nous ne changeons rien sans votre accord.",
    write: "Écrire à une personne",
    nothing: "Il n’y a encore rien ici.",
    nothing_means: "Si vous venez de payer, cette page l’affichera dès que le service de paiement nous l’aura dit.",
    link_gone: "Ce lien ne fonctionne plus.",
    link_gone_write: "Écrivez-nous depuis l’adresse utilisée pour payer, et nous vous aiderons.",
    link_gone_return: "Retournez là où vous l’avez trouvé et cherchez-en un plus récent.",
    failed: "Nous n’avons pas pu afficher cette page.",
    failed_means: "Rien n’a changé et votre paiement est en sécurité. Rechargez la page dans une minute.",
    missing: "Cette page n’existe pas.",
    missing_means: "Vérifiez l’adresse ou suivez le lien à nouveau.",
    request: "Demande {id}",
    times_for: "Les heures sont celles de {zone}.",
    languages: "Langue",
};
