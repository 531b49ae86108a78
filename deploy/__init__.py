"""How the suite is run: one machine from wheels (embedded), Apache Kafka, images and manifests."""
