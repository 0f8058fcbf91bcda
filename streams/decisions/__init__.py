"""The decision service: answers banks that hold a payment while they ask."""
