//! Names of fields that hold card data, in every spelling.

use super::*;
use crate::test;

#[test]
fn names_of_card_data_are_refused_in_every_spelling() {
    for name in [
        "cvv",
        "CVV2",
        "cvc",
        "csc",
        "pin",
        "PIN",
        "track",
        "track1",
        "Track_2",
        "pan",
        "PAN",
        "card_number",
        "cardNumber",
        "CARD-NUMBER",
        "card number",
        "Card.Number",
        "card_no",
        "cc-number",
        "creditCardNumber",
        "card_cvc",
        "cardCVV",
        "customer_cvv",
        "cvvCode",
        "CVVCode",
        "security_code",
        "cardSecurityCode",
        "pin_block",
        "track2_data",
        "track_2_data",
        "primaryAccountNumber",
        "billing_card_number",
        "__cvv__",
        "user_cvc2",
        "shopper.cvc",
        "payment_cc_number",
        "applicationPrimaryAccountNumber",
        "online_payment_cryptogram",
        "cryptogram",
        "emvData",
        "c_v_v",
        "c-v-v",
        "C.V.C",
        "c v v 2",
        "c__v__v2",
        "c\u{a0}v\u{a0}v",
        "card_c_v_c",
        "p.i.n",
        "_p_a_n_",
        "t-r-a-c-k",
        "c_a_r_d_n_u_m_b_e_r",
        "user_pin",
        "customerPin",
        "cardTrack",
        "mycvv",
        "buyercvc",
        "cvvValue",
    ] {
        assert_eq!(judge(name), Name::Card, "{name}");
    }
}

#[test]
fn names_in_other_forms_of_letters_are_known() {
    for name in
        ["\u{1d41c}\u{1d42f}\u{1d42f}", "\u{24d2}\u{24e5}c", "p\u{2071}\u{207f}", "p\u{ad}an", "card_n\u{ba}"]
    {
        assert_eq!(judge(name), Name::Card, "{name}");
    }
    for name in [
        "wrapped\u{212a}ey",
        "\u{17f}ignedMe\u{17f}\u{17f}age",
        "\u{ff57}rapped.\u{1d55c}ey",
        "public.key.ha\u{2e2}h",
    ] {
        assert_eq!(judge(name), Name::WalletPayload, "{name}");
    }
    // Cyrillic and Greek letters that look alike are others.
    for name in ["\u{441}vv", "p\u{3b9}n"] {
        assert_eq!(judge(name), Name::Fine, "{name}");
    }
}

#[test]
fn honest_names_are_taken() {
    for name in [
        "provider",
        "amount",
        "currency",
        "paymentMethodId",
        "metadata",
        "description",
        "customerReference",
        "order",
        "order_number",
        "tracking_number",
        "track_id",
        "soundtrack",
        "cvc_check",
        "cvv_result",
        "card_number_last4",
        "masked_pan",
        "pan_token",
        "gift_card_number",
        "loyaltyCardNo",
        "membership_card_number",
        "discard_number",
        "pin_count",
        "pickup_pin",
        "map_pin",
        "drop_in_code",
        "p_in",
        "a_b_test",
        "step_1_2",
        "x_y_z",
        "c_v",
        "c_v_v_check",
        "pinboard",
        "shipping",
        "company",
        "panel",
        "japan",
        "japanese",
        "cid",
        "card",
        "card_brand",
        "card_type",
        "card_id",
        "spin",
        "pinned",
        "opinion",
        "scsc",
        "",
        "a",
        "company_number",
        "card_holder",
        "business_card_number",
        "discount_card_no",
        "user_public_key_hash",
        "last_signed_message",
        "unsignedMessage",
        "publicKeyHashes",
        "header.publicKey",
        "header.signature",
        "chat.encryptedMessage",
    ] {
        assert_eq!(judge(name), Name::Fine, "{name}");
    }
}

#[test]
fn names_of_encrypted_wallet_payloads_are_known_in_every_spelling() {
    for name in
        ["ephemeralPublicKey", "ephemeral_public_key", "wrappedKey", "signedMessage", "EncryptedMessage"]
    {
        assert_eq!((judge(name), judge_word(name)), (Name::WalletPayload, Name::WalletPayload), "{name}");
    }
    assert_eq!(judge_word("onlinePaymentCryptogram"), Name::Card);
    for word in ["cryptogram", "signature", "publicKey", "pin", "message", "signed_messages"] {
        assert_eq!(judge_word(word), Name::Fine, "{word}");
    }
}

#[test]
fn names_of_payloads_are_known_behind_the_names_of_their_objects() {
    for name in [
        "header.ephemeralPublicKey",
        "header_ephemeralPublicKey",
        "header-ephemeral-public-key",
        "paymentData[header][ephemeralPublicKey]",
        "header.publicKeyHash",
        "token.signedMessage",
        "token_signedMessage",
        "token[signedMessage]",
        "token_intermediateSigningKey",
    ] {
        assert_eq!(judge(name), Name::WalletPayload, "{name}");
    }
    for name in [
        "paymentData.onlinePaymentCryptogram",
        "payment_data_online_payment_cryptogram",
        "token.applicationPrimaryAccountNumber",
    ] {
        assert_eq!(judge(name), Name::Card, "{name}");
    }
    assert_eq!(judge_word("token_signedMessage"), Name::WalletPayload);
    assert_eq!(judge_word("paymentData-onlinePaymentCryptogram"), Name::Card);
    assert_eq!(judge_word("last_signed_message"), Name::Fine);
}

#[test]
fn a_postal_code_of_india_is_no_pin() {
    for name in ["pin_code", "pincode", "PINCode", "shipping_pin_code"] {
        assert_eq!(judge(name), Name::PinCode, "{name}");
    }
    for (value, is_refused) in [
        ("560001", false),
        ("560 001", false),
        ("1234", true),
        ("012345", true),
        ("123456789", true),
        ("", true),
    ] {
        assert_eq!(Name::PinCode.refuses(Some(value.as_bytes())), is_refused, "{value}");
    }
    assert!(Name::PinCode.refuses(None));
}

#[test]
fn a_tax_number_of_india_is_no_card_number() {
    for name in ["pan_number", "panCard", "PAN-NO"] {
        assert_eq!(judge(name), Name::Pan, "{name}");
    }
    for (value, is_refused) in [("ABCPE1234F", false), ("ABCPE12345", true), ("4242424242", true), ("", true)]
    {
        assert_eq!(Name::Pan.refuses(Some(value.as_bytes())), is_refused, "{value}");
    }
}

#[test]
fn the_quick_check_passes_every_name_of_the_tables_on() {
    for name in [REFUSED, DECRYPTED, ENCRYPTED, CHECK_VALUES, INDIAN_PAN].concat() {
        assert_ne!(judge(name), Name::Fine, "{name}");
    }
}
