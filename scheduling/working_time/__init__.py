"""Working time: breaks, premiums, overtime, the norm and notice, as dated rates and one function each."""
