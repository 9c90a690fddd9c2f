"""What we know: the log folded into session state, analytics and the ledger."""
