"""The relational database: schema, engines, migrations and every SQL query."""
