//! Which forms of instructions the processor has that a set of runs did not execute.

use std::collections::BTreeMap;

use oldiron_cpu::{Coverage, CpuModel, Example, Form, MODELS};

/// A form that was not executed.
#[derive(Debug)]
pub struct Missing {
    /// The form.
    pub form: Form,
    /// A model that has it.
    pub model: &'static CpuModel,
    /// An instruction of it.
    pub example: Example,
}

/// What was not executed.
#[derive(Debug)]
pub struct Unexecuted {
    /// How many forms there are.
    pub forms: usize,
    /// Those that were not executed.
    pub missing: Vec<Missing>,
}

/// All forms that any model has, with the newest model that has it.
pub fn forms() -> BTreeMap<Form, (&'static CpuModel, Example)> {
    let mut all = BTreeMap::new();
    let mut decoders = Vec::new();
    for model in MODELS.iter().rev() {
        // Of models that are decoded alike the newest has all forms of the others.
        if decoders.contains(&model.decoder_options()) {
            continue;
        }
        decoders.push(model.decoder_options());
        for (form, example) in model.forms() {
            all.entry(form).or_insert((model, example));
        }
    }
    all
}

/// The forms that `executed` lacks. A form that is made to fault, such as UD2, is executed when it did.
pub fn unexecuted(executed: &Coverage) -> Unexecuted {
    let all = forms();
    let forms = all.len();
    let missing = all
        .into_iter()
        .filter(|(form, _)| {
            let count = executed.count(*form);
            count.retired == 0 && !(count.faulted > 0 && form.mnemonic().starts_with("Ud"))
        })
        .map(|(form, (model, example))| Missing { form, model, example })
        .collect();
    Unexecuted { forms, missing }
}
