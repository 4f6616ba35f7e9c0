"""The driving log: fixes become trips, trips and routes become the log every carer carries."""
