//! Stripe and PayPal behind one port.
