//! The sealed audit trail: what is sealed and proved, and what is found when it is changed.

mod encrypted;
mod ended;
mod exported;
mod forged_restores;
mod independent;
mod misplaced;
mod proofs;
mod restores;
mod sealed_at;
mod sealing;
mod tampering;
mod trail;
mod witness;
