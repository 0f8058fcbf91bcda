"""Cases: one scam against one person, from the first warning to the outcome."""
