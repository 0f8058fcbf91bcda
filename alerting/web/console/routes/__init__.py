"""The pages: one module each, thin over the service layer and the queries."""
