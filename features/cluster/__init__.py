"""Features of a history by many processes: tasks over partitions, with their results in shared storage."""
