"""Lists of blocked, trusted, excepted and watched numbers and accounts."""
