//! Reading Map states.

use super::fields::{Fields, Mistakes};
use super::flow::{self, is_expression};
use super::kind::{amount, graph};
use super::{
    Distributed, ItemBatcher, ItemFormat, ItemReader, ItemSource, Items, Language, Map, Mode, ResultWriter,
    Transformation,
};
use crate::path::Path;
use crate::template::Template;
use serde_json::Value;
use std::sync::Arc;

/// The largest count that a field takes.
const COUNT: (f64, f64) = (0.0, 9_007_199_254_740_991.0);
/// The longest label, in characters.
const LABEL_MAX: usize = 40;

/// Reads what a Map state does.
pub(super) fn read(fields: &mut Fields, language: Language, outer: Language, mistakes: &mut Mistakes) -> Option<Map> {
    fields.exclusive(&["ItemProcessor", "Iterator"], mistakes);
    let name = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
    let (value, place) = (fields.get(name), fields.at(name));
    if value.is_none() {
        mistakes.add("workflow/missing-field", &fields.place, "the field `ItemProcessor` is missing", None);
    }
    let processor = value.and_then(|value| graph(value, &place, "an item processor", outer, mistakes));
    let mode = mode(fields, value, language, mistakes);
    let selector = match language {
        Language::JsonPath => {
            fields.exclusive(&["ItemSelector", "Parameters"], mistakes);
            let name = if fields.has("Parameters") { "Parameters" } else { "ItemSelector" };
            flow::payload(fields, name, language, mistakes)
        }
        Language::Jsonata => flow::template(fields, "ItemSelector", language, mistakes),
    };
    let range = (0.0, 100.0);
    let tolerated = ["ToleratedFailureCount", "ToleratedFailurePercentage"];
    let [tolerated_count, tolerated_percentage] =
        [(tolerated[0], "ToleratedFailureCountPath", COUNT), (tolerated[1], "ToleratedFailurePercentagePath", range)]
            .map(|(name, path, range)| amount(fields, name, Some(path), range, language, mistakes));
    let concurrency = amount(fields, "MaxConcurrency", Some("MaxConcurrencyPath"), COUNT, language, mistakes);
    let items = items(fields, language, mistakes);
    Some(Map {
        processor: Arc::new(processor?),
        mode: mode?,
        items,
        selector,
        concurrency,
        tolerated_count,
        tolerated_percentage,
    })
}

fn items(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Items {
    match language {
        Language::JsonPath => {
            fields.forbid("Items", "it is of JSONata, and the state is in JSONPath: use `ItemsPath`");
            let path = fields.reference_path("ItemsPath", mistakes);
            Items::Path(path.unwrap_or_else(Path::whole))
        }
        Language::Jsonata => {
            fields.forbid("ItemsPath", "it is of JSONPath, and the state is in JSONata: use `Items`");
            match fields.get("Items") {
                None => Items::Input,
                Some(value) if value.is_array() || value.is_object() || is_expression(value) => {
                    flow::template(fields, "Items", language, mistakes).map_or(Items::Input, Items::Template)
                }
                Some(_) => {
                    let message = "`Items` is an array, or an expression in `{% … %}` that gives one";
                    mistakes.add("workflow/type", &fields.at("Items"), message, None);
                    Items::Input
                }
            }
        }
    }
}

fn mode(fields: &mut Fields, processor: Option<&Value>, language: Language, mistakes: &mut Mistakes) -> Option<Mode> {
    let name = if fields.has("ItemProcessor") { "ItemProcessor" } else { "Iterator" };
    let place = fields.at(name).field("ProcessorConfig");
    let mut is_distributed = false;
    let mut is_express = false;
    if let Some(config) = processor.and_then(|processor| processor.get("ProcessorConfig")) {
        let mut config = Fields::of(config, &place, "`ProcessorConfig`", mistakes)?;
        is_distributed = config.word("Mode", &["INLINE", "DISTRIBUTED"], mistakes) == Some("DISTRIBUTED");
        match is_distributed {
            true => {
                config.required("ExecutionType", mistakes);
                is_express = config.word("ExecutionType", &["STANDARD", "EXPRESS"], mistakes) == Some("EXPRESS");
            }
            false => config.forbid("ExecutionType", "its items run within the execution"),
        }
        config.finish("`ProcessorConfig`", mistakes);
    }
    if !is_distributed {
        for name in ["ItemReader", "ItemBatcher", "ResultWriter", "Label"] {
            fields.forbid(name, "its `ProcessorConfig` has no `\"Mode\": \"DISTRIBUTED\"`");
        }
        return Some(Mode::Inline);
    }
    let label = fields.text("Label", mistakes).map(str::to_owned);
    if label.as_ref().is_some_and(|label| label.is_empty() || label.chars().count() > LABEL_MAX) {
        mistakes.add("workflow/range", &fields.at("Label"), format!("`Label` has 1 to {LABEL_MAX} characters"), None);
    }
    if let Some(wrong) = label.as_ref().and_then(|label| label.chars().find(|letter| !is_of_label(*letter))) {
        let message = format!("`Label` has no white space, brackets, wildcards and the like, as {wrong:?} is");
        mistakes.add("workflow/value", &fields.at("Label"), message, None);
    }
    let reader = object(fields, "ItemReader", mistakes, |fields, mistakes| reader(fields, language, mistakes));
    let batcher = object(fields, "ItemBatcher", mistakes, |fields, mistakes| batcher(fields, language, mistakes));
    let writer = object(fields, "ResultWriter", mistakes, |fields, mistakes| writer(fields, language, mistakes));
    Some(Mode::Distributed(Box::new(Distributed { is_express, label, reader, batcher, writer })))
}

/// Whether a label may have the letter ("Distributed Map state fields").
fn is_of_label(letter: char) -> bool {
    !letter.is_whitespace() && !letter.is_control() && !"?*<>{}[]:;,\\|^~$#%&`\"".contains(letter)
}

/// Reads the object of a field.
fn object<T>(
    fields: &mut Fields,
    name: &'static str,
    mistakes: &mut Mistakes,
    read: impl Fn(&mut Fields, &mut Mistakes) -> Option<T>,
) -> Option<T> {
    let (value, place) = (fields.get(name)?, fields.at(name));
    let what = format!("`{name}`");
    let mut inner = Fields::of(value, &place, &what, mistakes)?;
    let found = read(&mut inner, mistakes);
    inner.finish(&what, mistakes);
    found
}

/// `Parameters` of JSONPath, `Arguments` of JSONata.
fn arguments(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Option<Template> {
    let (own, other) = match language {
        Language::JsonPath => ("Parameters", "Arguments"),
        Language::Jsonata => ("Arguments", "Parameters"),
    };
    fields.forbid(other, "it is of the other query language");
    flow::payload(fields, own, language, mistakes)
}

fn reader(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Option<ItemReader> {
    fields.required("Resource", mistakes);
    let source = match fields.text("Resource", mistakes) {
        Some(text) if text.ends_with(":s3:getObject") => Some(ItemSource::Object),
        Some(text) if text.ends_with(":s3:listObjectsV2") => Some(ItemSource::List),
        Some(text) => {
            let message = format!("`{text}` reads no items");
            let help = "use `arn:aws:states:::s3:getObject` or `arn:aws:states:::s3:listObjectsV2`".to_owned();
            mistakes.add("workflow/resource", &fields.at("Resource"), message, Some(help));
            None
        }
        None => None,
    };
    let arguments =
        arguments(fields, language, mistakes).unwrap_or(Template::Fixed(Value::Object(serde_json::Map::new())));
    let config = object(fields, "ReaderConfig", mistakes, |fields, mistakes| Some(config(fields, language, mistakes)));
    let Config { format, items_max, flattens } = config.unwrap_or_default();
    if source == Some(ItemSource::Object) && format.is_none() && !fields.has("ReaderConfig") {
        let message = "`ReaderConfig` with an `InputType` is missing, which tells how the items stand in the object";
        mistakes.add("workflow/missing-field", &fields.place, message, None);
    }
    Some(ItemReader { source: source?, arguments, format, items_max, flattens })
}

/// What `ReaderConfig` says.
#[derive(Default)]
struct Config {
    format: Option<ItemFormat>,
    items_max: Option<super::Amount>,
    flattens: bool,
}

fn config(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Config {
    let items_max = amount(fields, "MaxItems", Some("MaxItemsPath"), (0.0, 100_000_000.0), language, mistakes);
    let flattens = fields.word("Transformation", &["NONE", "LOAD_AND_FLATTEN"], mistakes) == Some("LOAD_AND_FLATTEN");
    if flattens {
        fields.required("InputType", mistakes);
    }
    let format = match fields.word("ManifestType", &["S3_INVENTORY", "ATHENA_DATA"], mistakes) {
        Some("S3_INVENTORY") => inventory(fields, mistakes),
        Some(_) => {
            let message = "Athena's manifests can't be read here";
            mistakes.add("workflow/value", &fields.at("ManifestType"), message, None);
            None
        }
        None => format(fields, mistakes),
    };
    Config { format, items_max, flattens }
}

/// The files of an inventory are CSV, so it has no `InputType`; `MANIFEST` is what it was called before.
fn inventory(fields: &mut Fields, mistakes: &mut Mistakes) -> Option<ItemFormat> {
    if fields.get("InputType").is_some_and(|kind| kind != "MANIFEST") {
        let message = "`ManifestType` and `InputType` exclude each other: the files of an inventory are CSV";
        let help = Some("remove `InputType`".to_owned());
        mistakes.add("workflow/conflict", &fields.at("InputType"), message, help);
    }
    Some(ItemFormat::Manifest)
}

fn format(fields: &mut Fields, mistakes: &mut Mistakes) -> Option<ItemFormat> {
    let pointer = fields.text("ItemsPointer", mistakes).map(str::to_owned);
    match fields.word("InputType", &["CSV", "JSON", "JSONL", "MANIFEST", "PARQUET"], mistakes) {
        Some("CSV") => csv(fields, mistakes),
        Some("JSON") => Some(ItemFormat::Json { pointer }),
        Some("JSONL") => Some(ItemFormat::JsonLines),
        Some("MANIFEST") => Some(ItemFormat::Manifest),
        Some("PARQUET") => {
            let message = "Parquet can't be read here";
            mistakes.add(
                "workflow/value",
                &fields.at("InputType"),
                message,
                Some("use `CSV`, `JSON` or `JSONL`".to_owned()),
            );
            None
        }
        _ => None,
    }
}

fn csv(fields: &mut Fields, mistakes: &mut Mistakes) -> Option<ItemFormat> {
    let delimiter = match fields.word("CSVDelimiter", &["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"], mistakes) {
        Some("PIPE") => b'|',
        Some("SEMICOLON") => b';',
        Some("SPACE") => b' ',
        Some("TAB") => b'\t',
        _ => b',',
    };
    fields.required("CSVHeaderLocation", mistakes);
    let headers = match fields.word("CSVHeaderLocation", &["FIRST_ROW", "GIVEN"], mistakes)? {
        "GIVEN" => {
            fields.required("CSVHeaders", mistakes);
            let list = fields.list("CSVHeaders", mistakes)?;
            Some(list.iter().map(|header| header.as_str().unwrap_or_default().to_owned()).collect())
        }
        _ => {
            fields.forbid("CSVHeaders", "`CSVHeaderLocation` is `FIRST_ROW`");
            None
        }
    };
    Some(ItemFormat::Csv { delimiter, headers })
}

fn batcher(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Option<ItemBatcher> {
    let items_max =
        amount(fields, "MaxItemsPerBatch", Some("MaxItemsPerBatchPath"), (1.0, COUNT.1), language, mistakes);
    let bytes_max = amount(
        fields,
        "MaxInputBytesPerBatch",
        Some("MaxInputBytesPerBatchPath"),
        (1.0, 262_144.0),
        language,
        mistakes,
    );
    if items_max.is_none() && bytes_max.is_none() && mistakes.is_empty() {
        let message = "`ItemBatcher` has `MaxItemsPerBatch`, `MaxInputBytesPerBatch` or both";
        mistakes.add("workflow/missing-field", &fields.place, message, None);
    }
    let input = match language {
        Language::JsonPath => flow::payload(fields, "BatchInput", language, mistakes),
        Language::Jsonata => flow::template(fields, "BatchInput", language, mistakes),
    };
    Some(ItemBatcher { input, items_max, bytes_max })
}

fn writer(fields: &mut Fields, language: Language, mistakes: &mut Mistakes) -> Option<ResultWriter> {
    let has_resource = match fields.text("Resource", mistakes) {
        Some(text) if text.ends_with(":s3:putObject") => true,
        Some(text) => {
            let message = format!("`{text}` writes no results");
            mistakes.add(
                "workflow/resource",
                &fields.at("Resource"),
                message,
                Some("use `arn:aws:states:::s3:putObject`".to_owned()),
            );
            false
        }
        None => false,
    };
    let arguments = arguments(fields, language, mistakes);
    let config = object(fields, "WriterConfig", mistakes, |fields, mistakes| {
        let transformation = match fields.word("Transformation", &["NONE", "COMPACT", "FLATTEN"], mistakes) {
            Some("COMPACT") => Transformation::Compact,
            Some("FLATTEN") => Transformation::Flatten,
            _ => Transformation::None,
        };
        Some((transformation, fields.word("OutputType", &["JSON", "JSONL"], mistakes) == Some("JSONL")))
    });
    let has_arguments = fields.has(if language == Language::Jsonata { "Arguments" } else { "Parameters" });
    let lacks = match (fields.has("Resource"), has_arguments) {
        (true, false) => Some("`ResultWriter` does not say into which `Bucket` it writes"),
        (false, true) => Some("the field `Resource` is missing"),
        (false, false) if !fields.has("WriterConfig") => {
            Some("`ResultWriter` has a `WriterConfig`, or a `Resource` and its arguments, or all of them")
        }
        _ => None,
    };
    if let Some(lacks) = lacks {
        mistakes.add("workflow/missing-field", &fields.place, lacks, None);
    }
    // Results that are not exported are the outputs alone, unless the configuration says otherwise.
    let default = if has_resource { Transformation::None } else { Transformation::Compact };
    let (transformation, is_lines) = config.unwrap_or((default, false));
    Some(ResultWriter { arguments: arguments.filter(|_| has_resource), transformation, is_lines })
}
