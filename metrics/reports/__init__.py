"""What a report holds beside the benefit rows: the owner's comment, the use of screen visits, the evaluation."""
