//! Passkeys in the browser (W3C Web Authentication Level 3): the only file that asks it for one. Bytes go to the relay and
//! come from it in base64url.

use footlight_protocol::account::{ALGORITHMS, NewPasskey, PasskeyChallenge, PasskeyOffer, PasskeyProof};
use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use leptos::prelude::window;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CredentialCreationOptions, CredentialRequestOptions};

use crate::browser::error_name;

/// How long the browser waits for the person, in milliseconds: as long as a challenge is good.
const PATIENCE: u32 = 5 * 60_000;

/// Why there is no passkey, as keys of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPasskey(pub &'static str);

/// Whether this page can have passkeys: browsers have them on pages over https or of this machine, by a name.
pub fn possible() -> Result<(), NoPasskey> {
    let host = window().location().hostname().unwrap_or_default();
    if host.contains(':') || host.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err(NoPasskey("passkey.by_number"));
    }
    if !window().is_secure_context() {
        return Err(NoPasskey("passkey.not_https"));
    }
    let known = Reflect::has(&window(), &"PublicKeyCredential".into()).unwrap_or(false);
    if known { Ok(()) } else { Err(NoPasskey("passkey.unknown")) }
}

/// Lets the device make a passkey, which is to be called so.
pub async fn make(offer: &PasskeyOffer, name: String) -> Result<NewPasskey, NoPasskey> {
    let made = made(offer).await.map_err(why)?;
    let answer = get(&made, "response").map_err(why)?;
    let text = |field| text_of(&answer, field).map_err(why);
    Ok(NewPasskey { name, client_data: text("clientDataJSON")?, attestation: text("attestationObject")? })
}

async fn made(offer: &PasskeyOffer) -> Result<JsValue, JsValue> {
    let key = Object::new();
    set(&key, "challenge", &bytes(&offer.challenge)?)?;
    set(&key, "rp", &object(&[("id", &offer.host.as_str().into()), ("name", &"Footlight".into())])?)?;
    let (handle, account) = (bytes(&offer.handle)?, JsValue::from(&offer.account));
    set(&key, "user", &object(&[("id", &handle), ("name", &account), ("displayName", &account)])?)?;
    let algorithms = Array::new();
    for algorithm in ALGORITHMS {
        let algorithm = JsValue::from(algorithm as f64);
        algorithms.push(&object(&[("type", &"public-key".into()), ("alg", &algorithm)])?);
    }
    set(&key, "pubKeyCredParams", &algorithms)?;
    let known = Array::new();
    for id in &offer.known {
        known.push(&object(&[("type", &"public-key".into()), ("id", &bytes(id)?)])?);
    }
    set(&key, "excludeCredentials", &known)?;
    let selection = [
        ("residentKey", &"required".into()),
        ("requireResidentKey", &JsValue::TRUE),
        ("userVerification", &"required".into()),
    ];
    set(&key, "authenticatorSelection", &object(&selection)?)?;
    set(&key, "attestation", &"none".into())?;
    set(&key, "timeout", &PATIENCE.into())?;
    let options = CredentialCreationOptions::new();
    set(&options, "publicKey", &key)?;
    JsFuture::from(window().navigator().credentials().create_with_options(&options)?).await
}

/// Lets the person choose a passkey, and their device sign by it.
pub async fn prove(challenge: &PasskeyChallenge) -> Result<PasskeyProof, NoPasskey> {
    let signed = signed(challenge).await.map_err(why)?;
    let answer = get(&signed, "response").map_err(why)?;
    let text = |of: &JsValue, field| text_of(of, field).map_err(why);
    Ok(PasskeyProof {
        id: text(&signed, "rawId")?,
        client_data: text(&answer, "clientDataJSON")?,
        authenticator_data: text(&answer, "authenticatorData")?,
        signature: text(&answer, "signature")?,
        handle: text(&answer, "userHandle")?,
    })
}

async fn signed(challenge: &PasskeyChallenge) -> Result<JsValue, JsValue> {
    let key = object(&[
        ("challenge", &bytes(&challenge.challenge)?),
        ("rpId", &challenge.host.as_str().into()),
        ("userVerification", &"required".into()),
        ("timeout", &PATIENCE.into()),
    ])?;
    let options = CredentialRequestOptions::new();
    set(&options, "publicKey", &key)?;
    JsFuture::from(window().navigator().credentials().get_with_options(&options)?).await
}

fn why(error: JsValue) -> NoPasskey {
    NoPasskey(match error_name(&error).as_deref() {
        Some("NotAllowedError" | "AbortError") => "passkey.cancelled",
        Some("InvalidStateError") => "passkey.known",
        _ => "passkey.failed",
    })
}

fn get(of: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(of, &name.into())
}

fn set(of: &JsValue, name: &str, value: &JsValue) -> Result<(), JsValue> {
    Reflect::set(of, &name.into(), value).map(drop)
}

fn object(fields: &[(&str, &JsValue)]) -> Result<JsValue, JsValue> {
    let object = Object::new();
    for (name, value) in fields {
        set(&object, name, value)?;
    }
    Ok(object.into())
}

fn bytes(text: &str) -> Result<JsValue, JsValue> {
    let letters = window().atob(&text.replace('-', "+").replace('_', "/"))?;
    let bytes: Vec<u8> = letters.chars().map(|letter| letter as u8).collect();
    Ok(Uint8Array::from(&bytes[..]).into())
}

fn text_of(of: &JsValue, name: &str) -> Result<String, JsValue> {
    let buffer: ArrayBuffer = get(of, name)?.dyn_into()?;
    let letters: String = Uint8Array::new(&buffer).to_vec().into_iter().map(char::from).collect();
    let text = window().btoa(&letters)?;
    Ok(text.trim_end_matches('=').replace('+', "-").replace('/', "_"))
}
