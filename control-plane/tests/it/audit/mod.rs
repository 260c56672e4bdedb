//! The sealed audit trail: what is sealed and proved, and what is found when somebody changes it.

mod encrypted;
mod ended;
mod independent;
mod proofs;
mod restores;
mod sealing;
mod tampering;
mod witness;
mod workshop;
