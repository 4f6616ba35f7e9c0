"""What a device is, says and may do: keys, registry, inbox, simulator."""
