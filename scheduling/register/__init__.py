"""The master of units, carers, citizens, competences, consents and employment. Others hold opaque ids."""
