"""Every named attack on the doors, against a running platform over real MQTT, HTTP and near link (docs/security.md)."""
