"""Files of rows that other people wrote: unpacked, decoded, and cut so that no line is lost."""
