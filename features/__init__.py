"""Rolling features of calls and transfers: one kernel, the same bits online and offline."""
