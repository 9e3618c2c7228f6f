//! What Stripe tells, as far as it is about coins.

use footlight_protocol::{Currency, TopUpId};
use serde::Deserialize;

use super::MAX_ID;

/// An event that something follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Paid(Paid),
    Refunded(Refunded),
    /// Of another kind, of something that is not paid yet, or not of an order of ours.
    Nothing,
}

/// An order was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paid {
    pub(crate) order: TopUpId,
    pub(crate) session: String,
    /// By which a refund is told.
    pub(crate) payment: Option<String>,
    pub(crate) amount: u64,
    pub(crate) currency: Currency,
}

/// Money went back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refunded {
    pub(crate) payment: String,
    /// For which it was, where that is said.
    pub(crate) order: Option<TopUpId>,
    /// All of it.
    pub(crate) whole: bool,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: serde_json::Value,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    #[serde(default)]
    client_reference_id: Option<String>,
    #[serde(default)]
    payment_intent: Option<String>,
    payment_status: String,
    amount_total: u64,
    currency: String,
}

#[derive(Deserialize)]
struct Charge {
    #[serde(default)]
    payment_intent: Option<String>,
    #[serde(default)]
    refunded: bool,
    #[serde(default)]
    metadata: Metadata,
}

/// A charge has what its payment had.
#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    order: Option<String>,
}

impl Told {
    /// Reads the body of a request that is by Stripe.
    ///
    /// # Errors
    /// Where it is none of Stripe's events, in words for the log.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let event: Event = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        match event.kind.as_str() {
            // A payment that takes days is completed first, unpaid, and succeeds later.
            "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
                let session = serde_json::from_value(event.data.object).map_err(|error| error.to_string())?;
                Ok(paid(session).map_or(Self::Nothing, Self::Paid))
            }
            "charge.refunded" => {
                let charge: Charge =
                    serde_json::from_value(event.data.object).map_err(|error| error.to_string())?;
                let payment = charge.payment_intent.filter(|payment| payment.len() <= MAX_ID);
                let order = charge.metadata.order.and_then(|order| order.parse().ok());
                Ok(payment.map_or(Self::Nothing, |payment| {
                    Self::Refunded(Refunded { payment, order, whole: charge.refunded })
                }))
            }
            _ => Ok(Self::Nothing),
        }
    }
}

fn paid(session: Session) -> Option<Paid> {
    // Sessions of something else on the same account have other references, or none.
    let order = session.client_reference_id?.parse().ok()?;
    let fits = session.id.len() <= MAX_ID;
    (session.payment_status == "paid" && fits).then_some(())?;
    Some(Paid {
        order,
        session: session.id,
        payment: session.payment_intent.filter(|payment| payment.len() <= MAX_ID),
        amount: session.amount_total,
        currency: session.currency.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(kind: &str, object: serde_json::Value) -> Result<Told, String> {
        Told::read(
            json!({ "id": "evt_1", "type": kind, "data": { "object": object } }).to_string().as_bytes(),
        )
    }

    #[test]
    fn only_what_is_paid_counts() {
        let session = json!({ "id": "cs_1", "object": "checkout.session", "client_reference_id": "abc", "payment_intent": "pi_1",
            "payment_status": "paid", "amount_total": 600, "currency": "cny", "livemode": false });
        let expected = Told::Paid(Paid {
            order: "abc".parse().unwrap(),
            session: "cs_1".to_owned(),
            payment: Some("pi_1".to_owned()),
            amount: 600,
            currency: "cny".parse().unwrap(),
        });
        for kind in ["checkout.session.completed", "checkout.session.async_payment_succeeded"] {
            assert_eq!(read(kind, session.clone()), Ok(expected.clone()));
        }
        let changed = |name: &str, value: serde_json::Value| {
            let mut session = session.clone();
            session[name] = value;
            read("checkout.session.completed", session)
        };
        for (name, value) in [
            ("payment_status", json!("unpaid")),
            ("payment_status", json!("no_payment_required")),
            ("client_reference_id", json!(null)),
            ("client_reference_id", json!("another shop's")),
            ("currency", json!("CNY")),
            ("id", json!("x".repeat(MAX_ID + 1))),
        ] {
            assert_eq!(changed(name, value.clone()), Ok(Told::Nothing), "{name} {value}");
        }
        assert!(changed("amount_total", json!(-600)).is_err());
        assert!(changed("amount_total", json!(6.5)).is_err());
        assert_eq!(read("checkout.session.expired", session.clone()), Ok(Told::Nothing));
        assert_eq!(read("checkout.session.async_payment_failed", session), Ok(Told::Nothing));
    }

    #[test]
    fn a_refund_names_its_payment() {
        let refunded = |order: Option<&str>, whole| {
            let order = order.map(|order| order.parse().unwrap());
            Ok(Told::Refunded(Refunded { payment: "pi_1".to_owned(), order, whole }))
        };
        let charge = json!({ "id": "ch_1", "payment_intent": "pi_1", "refunded": true, "metadata": { "order": "abc", "a": "b" } });
        assert_eq!(read("charge.refunded", charge), refunded(Some("abc"), true));
        assert_eq!(read("charge.refunded", json!({ "payment_intent": "pi_1" })), refunded(None, false));
        assert_eq!(read("charge.refunded", json!({ "id": "ch_1" })), Ok(Told::Nothing));
        for body in ["", "[]", "{}", "{\"type\":\"x\"}", "{\"type\":1,\"data\":{\"object\":{}}}", "\u{0}"] {
            assert!(Told::read(body.as_bytes()).is_err(), "{body}");
        }
        // As deep as anybody likes: the parser stops.
        let deep = format!("{{\"type\":\"x\",\"data\":{{\"object\":{}", "[".repeat(100_000));
        assert!(Told::read(deep.as_bytes()).is_err());
    }
}
