"""Training: from rows with labels to a calibrated, verified artifact."""
