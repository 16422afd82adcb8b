"""Where the state between runs is kept: a SQLite file, a DynamoDB table, or nowhere."""
