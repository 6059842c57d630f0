//! Which rule of a Choice state matches.

use super::{Choice, Condition, Rule};
use crate::scene::{Scene, Trouble};

impl Choice {
    /// Finds the first rule whose condition holds.
    ///
    /// Conditions after the one that decides, also within `And` and `Or`, are not looked at.
    ///
    /// # Errors
    /// `States.Runtime` where a path finds nothing, `States.QueryEvaluationError` where an expression fails or is neither true
    /// nor false.
    pub fn decide(&self, scene: &Scene) -> Result<Option<&Rule>, Trouble> {
        for (index, rule) in self.rules.iter().enumerate() {
            if rule.condition.holds(scene, index)? {
                return Ok(Some(rule));
            }
        }
        Ok(None)
    }
}

impl Condition {
    /// Whether it holds, as the condition of the rule with this index.
    fn holds(&self, scene: &Scene, rule: usize) -> Result<bool, Trouble> {
        match self {
            Self::And(all) => Ok(!any(all, scene, rule, false)?),
            Self::Or(some) => any(some, scene, rule, true),
            Self::Not(condition) => Ok(!condition.holds(scene, rule)?),
            Self::Compare(comparison) => comparison.holds(scene),
            Self::Jsonata(jsonata) => jsonata.truth(scene, &format!("Choices[{rule}]/Condition")),
        }
    }
}

/// Whether any of these conditions is what is wanted.
fn any(conditions: &[Condition], scene: &Scene, rule: usize, wanted: bool) -> Result<bool, Trouble> {
    for condition in conditions {
        if condition.holds(scene, rule)? == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
