"""The embedded stack: real Kafka, PostgreSQL and ClickHouse from package registries, on one machine, without Docker."""
