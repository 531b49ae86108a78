"""Apache Kafka on one machine, from its Maven Central artifacts, where durability matters."""
