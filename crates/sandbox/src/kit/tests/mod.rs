//! The fake against the documents: every operation, refusal, switch and trap.
