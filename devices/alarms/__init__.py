"""What needs a person: raised once, acknowledged, owned, and cleared by a person or by the thing itself."""
