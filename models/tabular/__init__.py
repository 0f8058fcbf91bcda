"""Training on tables of transactions with columns of their own."""
