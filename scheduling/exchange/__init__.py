"""What comes from other systems and what goes to them: CSV files, the care record, FHIR."""
