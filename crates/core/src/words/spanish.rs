//! Spanish, with *tú*.

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
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        months_short: ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"],
        weekdays: ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
    },
};

fn name(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::PaymentProcessing => &["Pago en proceso"],
        Stage::PaymentFailed => &["Pago fallido"],
        Stage::PaymentReceived => &["Pago recibido"],
        Stage::AccessPending => &["Acceso pendiente"],
        Stage::InviteSent => &["Invitación enviada"],
        Stage::Active => &["Activo"],
        Stage::PastDue => &["Problema con el pago"],
        Stage::Ending => &["Termina el {date}", "Cancelado"],
        Stage::Ended => &["Terminado"],
        Stage::Refunded => &["Reembolsado"],
        Stage::Disputed => &["En disputa"],
        Stage::SupportReview => &["En soporte"],
    }
}

fn said(stage: Stage, variant: Variant) -> Said {
    match (stage, variant) {
        (Stage::PaymentProcessing, _) => Said {
            headline: &["Estamos confirmando tu pago."],
            meaning: &[
                Say("Tu banco o el servicio de pago aún no lo ha confirmado."),
                Say("Algunas formas de pago tardan minutos; otras, unos días."),
            ],
            next: &[Mail("Te escribiremos cuando esté listo."), Say("No necesitas volver a pagar.")],
            button: None,
        },
        (Stage::PaymentFailed, _) => Said {
            headline: &["El pago no se completó."],
            meaning: &[Say("No llegó a completarse, así que el acceso aún no ha empezado.")],
            next: &[
                Say("Puedes intentarlo con la misma tarjeta o con otra."),
                Person("Si tu banco muestra algún cargo, escríbenos y lo miramos."),
            ],
            button: Some((Act::TryPayment, "Intentar el pago otra vez")),
        },
        (Stage::PaymentReceived, _) => Said {
            headline: &["Gracias. Tenemos tu pago."],
            meaning: &[Say("Llegó a las {time}."), Say("Estamos abriendo {community} para ti.")],
            next: &[
                Say("Suele tardar menos de un minuto."),
                Mail("Puedes cerrar esta página; te escribiremos."),
            ],
            button: None,
        },
        (Stage::AccessPending, Variant::InLine) => Said {
            headline: &["Ya has pagado. El acceso está en camino."],
            meaning: &[
                Say("Mucha gente entra a la vez en {community} y estás en la cola."),
                Say("Tu pago está a salvo."),
            ],
            next: &[
                Say("La cola avanza sola; tu turno es hacia las {next}."),
                Say("No necesitas hacer nada ni volver a pagar."),
            ],
            button: None,
        },
        (Stage::AccessPending, Variant::Granted) => Said {
            headline: &["El acceso está en camino."],
            meaning: &[Say("Estamos abriendo {community} para ti.")],
            next: &[Say("No necesitas hacer nada.")],
            button: None,
        },
        (Stage::AccessPending, Variant::Paused) => Said {
            headline: &["Ya has pagado. El acceso está en camino."],
            meaning: &[
                Say("Hemos pausado un momento los cambios en {community}."),
                Say("Tu pago está a salvo."),
            ],
            next: &[
                Mail("Seguirá cuando termine la pausa y te escribiremos."),
                Say("No necesitas hacer nada."),
            ],
            button: None,
        },
        (Stage::AccessPending, _) => Said {
            headline: &["Ya has pagado. El acceso está en camino."],
            meaning: &[Say("{community} no nos responde en este momento."), Say("Tu pago está a salvo.")],
            next: &[
                Say("Seguimos intentándolo; el próximo intento es a las {next}."),
                Say("No necesitas hacer nada ni volver a pagar."),
            ],
            button: None,
        },
        (Stage::InviteSent, Variant::Expired) => Said {
            headline: &["Tu invitación tiene más de una semana."],
            meaning: &[First(&[
                "Se envió a {address} el {date} y puede que ya no funcione.",
                "Puede que ya no funcione.",
            ])],
            next: &[Mail("Podemos enviarte un correo nuevo con la entrada."), Say("Tu pago está a salvo.")],
            button: Some((Act::OpenCommunity, "Abrir la comunidad")),
        },
        (Stage::InviteSent, _) => Said {
            headline: &["Mira tu correo."],
            meaning: &[First(&[
                "Tu invitación está en el mensaje «{subject}», enviado a {address} el {date}.",
                "El mensaje con tu invitación se envió a {address} el {date}.",
                "El mensaje con tu invitación ya se envió.",
            ])],
            next: &[Say("Ábrelo y elige una contraseña."), Say("¿No está? Mira en spam o promociones.")],
            button: Some((Act::OpenCommunity, "Abrir la comunidad")),
        },
        (Stage::Active, _) => Said {
            headline: &["Ya estás dentro."],
            meaning: &[Say("Todo lo que has pagado está abierto.")],
            next: &[First(&["{plan} se renueva el {date} por {amount}.", "{plan} se renueva el {date}."])],
            button: Some((Act::OpenCommunity, "Ir a la comunidad")),
        },
        (Stage::PastDue, _) => Said {
            headline: &["La renovación no se completó."],
            meaning: &[Say("Por ahora conservas tu acceso."), Say("Respuesta del banco: {reason}.")],
            next: &[
                Say("Actualiza tus datos de pago a más tardar el {date} para conservarlo."),
                Say("Lo intentamos de nuevo el {next}."),
            ],
            button: Some((Act::UpdatePayment, "Actualizar datos de pago")),
        },
        (Stage::Ending, _) => Said {
            headline: &["Tu acceso termina el {date}.", "Tu plan está cancelado."],
            meaning: &[Say("{plan} está cancelado y sigue abierto hasta entonces."), Say("No se renueva.")],
            next: &[Say("Si cambias de idea antes de ese día, nada se interrumpe.")],
            button: None,
        },
        (Stage::Ended, _) => Said {
            headline: &["Tu acceso ha terminado."],
            meaning: &[Say("{plan} terminó el {date} y no se renovó.")],
            next: &[
                Say("Lo que compraste para siempre sigue siendo tuyo."),
                Say("Puedes volver cuando quieras."),
            ],
            button: None,
        },
        (Stage::Refunded, _) => Said {
            headline: &["Tu pago fue reembolsado."],
            meaning: &[Say("{amount} se reembolsó el {date} y con ello terminó el acceso a {community}.")],
            next: &[
                Say("Cuándo aparece en tu cuenta depende de tu banco."),
                Person("Si fue un error, pregunta a una persona aquí abajo."),
            ],
            button: None,
        },
        (Stage::Disputed, _) => Said {
            headline: &["Tu banco está revisando un pago."],
            meaning: &[
                Say("El pago de {amount} se cuestionó ante el banco el {date}."),
                Say("El acceso a {community} está en pausa hasta que se resuelva."),
            ],
            next: &[Person("Si no era tu intención, escríbenos y lo arreglamos juntos.")],
            button: Some((Act::WriteToPerson, "Escribir a una persona")),
        },
        (Stage::SupportReview, Variant::MailCameBack) => Said {
            headline: &["No llegamos a tu dirección."],
            meaning: &[Say("Nuestro correo a {address} volvió."), Say("Tu pago está a salvo.")],
            next: &[Form("Revisa la dirección aquí abajo o danos otra."), Say("Tu caso es {case}.")],
            button: None,
        },
        (Stage::SupportReview, _) => Said {
            headline: &["Una persona lo está mirando."],
            meaning: &[
                Say("Tu pago está a salvo."),
                Say("No pudimos abrir {community} de forma automática, así que alguien lo revisa."),
            ],
            next: &[Say("Tu caso es {case}."), Say("No necesitas escribir dos veces ni volver a pagar.")],
            button: None,
        },
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "la tarjeta ha caducado",
        Reason::Funds => "el importe no estaba disponible",
        Reason::Confirm => "el banco pide tu confirmación",
        Reason::Details => "los datos no coincidían",
        Reason::Declined => "rechazado, sin indicar motivo",
    }
}

const PAGE: Phrases = Phrases {
    skip: "Ir al contenido",
    how_far: "Hasta dónde ha llegado",
    steps: ["Pago recibido", "Abriendo la comunidad", "Invitación enviada", "La aceptas", "Ya estás dentro"],
    done: "hecho",
    to_come: "aún por venir",
    have: "Lo que tienes",
    paid_until: "{plan}, pagado hasta el {date}",
    checked: "Comprobado hace {age} · se actualiza sola",
    as_of: "A las {time}",
    check_again: "Comprobar otra vez",
    paused: "Las actualizaciones están en pausa. Así estaba a las {time}.",
    load_again: "Cargar de nuevo",
    could_not_look: "No hemos podido mirar ahora. Esto es de las {time}.",
    right_address: "¿Es esta la dirección correcta?",
    goes_to: "Todo va a {address}.",
    typo: "Puede haber un error al escribir.",
    typo_meant: "¿Querías una dirección de {domain}? No cambiamos nada sin que lo digas.",
    write: "Escribir a una persona",
    nothing: "Aquí no hay nada todavía.",
    nothing_means: "Si acabas de pagar, esta página lo muestra en cuanto el servicio de pago nos avise.",
    link_gone: "Este enlace ya no funciona.",
    link_gone_write: "Escríbenos desde la dirección con la que pagaste y te ayudamos.",
    link_gone_return: "Vuelve a donde lo encontraste y busca uno más reciente.",
    failed: "No hemos podido mostrar esta página.",
    failed_means: "No ha cambiado nada y tu pago está a salvo. Carga la página de nuevo dentro de un minuto.",
    missing: "Esta página no existe.",
    missing_means: "Revisa la dirección o sigue el enlace otra vez.",
    request: "Solicitud {id}",
    times_for: "Las horas son de {zone}.",
    languages: "Idioma",
};
