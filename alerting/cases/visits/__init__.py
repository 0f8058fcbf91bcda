"""Return visits: a look after people who were dissuaded, a day and three days later."""
