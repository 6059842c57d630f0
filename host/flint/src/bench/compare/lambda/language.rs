//! What handlers are written in, the packages that they take, and the interpreters that run them, as they are on this machine.

use super::spec::Mount;
use crate::bench::compare::peer::Missing;
use crate::bench::compare::work::Work;
use crate::cli;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a handler is written in, and the client of AWS that runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench::compare) enum Language {
    Python,
    Node,
    Rust,
}

/// What does a work in a language.
pub(super) struct Handler {
    pub(super) work: Work,
    /// Its file, with the text; none if it is a part of the program.
    pub(super) file: Option<(&'static str, &'static str)>,
    /// The package that it takes.
    package: &'static str,
    /// What would have to be there.
    pub(super) missing: Missing,
}

const PYTHON: [Handler; 4] = [
    Handler::new(
        Work::Hello,
        ("hello.py", include_str!("hello.py")),
        "awslambdaric",
        ("container-based Lambda in Python", "pip install --target lambda-packages awslambdaric boto3 pillow"),
    ),
    Handler::new(
        Work::Deposit,
        ("deposit.py", include_str!("deposit.py")),
        "boto3",
        ("container-based Lambda in Python with DynamoDB", "pip install --target lambda-packages boto3"),
    ),
    Handler::new(
        Work::Thumbnail,
        ("thumbnail.py", include_str!("thumbnail.py")),
        "pillow",
        ("container-based Lambda in Python with Pillow", "pip install --target lambda-packages pillow"),
    ),
    Handler::new(
        Work::SlowStart,
        ("slow_start.py", include_str!("slow_start.py")),
        "awslambdaric",
        ("container-based Lambda in Python with a slow start", "pip install --target lambda-packages awslambdaric"),
    ),
];

const NODE: [Handler; 3] = [
    Handler::new(
        Work::Hello,
        ("hello.mjs", include_str!("hello.mjs")),
        "aws-lambda-ric",
        ("container-based Lambda in Node.js", "npm install aws-lambda-ric @aws-sdk/client-dynamodb sharp"),
    ),
    Handler::new(
        Work::Deposit,
        ("deposit.mjs", include_str!("deposit.mjs")),
        "@aws-sdk/client-dynamodb",
        ("container-based Lambda in Node.js with DynamoDB", "npm install @aws-sdk/client-dynamodb"),
    ),
    Handler::new(
        Work::Thumbnail,
        ("thumbnail.mjs", include_str!("thumbnail.mjs")),
        "sharp",
        ("container-based Lambda in Node.js with sharp", "npm install sharp"),
    ),
];

const RUST: [Handler; 3] =
    [Handler::of_rust(Work::Hello), Handler::of_rust(Work::Deposit), Handler::of_rust(Work::Thumbnail)];

impl Handler {
    const fn new(
        work: Work,
        file: (&'static str, &'static str),
        package: &'static str,
        (system, install): (&'static str, &'static str),
    ) -> Self {
        Self { work, file: Some(file), package, missing: Missing { system, install } }
    }

    /// One program does all.
    const fn of_rust(work: Work) -> Self {
        let install = "cargo install --locked --path host/flint/src/bench/compare/lambda/rust --root lambda-rust \
                       --target-dir target/lambda-rust";
        Self { work, file: None, package: "", missing: Missing { system: "container-based Lambda in Rust", install } }
    }
}

/// Where packages, or the program, are in a container; and those of Node.js, which looks for them in the folders above a handler.
const PACKAGES: &str = "/opt/packages";
const MODULES: &str = "/node_modules";

/// The program that the crate in Rust is installed as.
const BOOTSTRAP: &str = "bootstrap";

/// What a crate asks for, which is told of it.
const MANIFEST: &str = include_str!("rust/Cargo.toml");

impl Language {
    pub(super) const ALL: [Self; 3] = [Self::Python, Self::Node, Self::Rust];

    pub(in crate::bench::compare) fn label(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::Node => "Node.js",
            Self::Rust => "Rust",
        }
    }

    pub(super) fn handlers(self) -> &'static [Handler] {
        match self {
            Self::Python => &PYTHON,
            Self::Node => &NODE,
            Self::Rust => &RUST,
        }
    }
}

/// A language's interpreter and packages.
pub(super) struct Interpreter {
    language: Language,
    /// Of the runtime interface client, too.
    pub(super) version: String,
    /// The program, and what comes before the name of a handler.
    pub(super) arguments: Vec<String>,
    /// Folders beyond those of the system, the packages last.
    pub(super) mounts: Vec<Mount>,
    pub(super) environment: Vec<String>,
    packages: PathBuf,
}

impl Interpreter {
    /// None if there is no client of AWS for it on this machine.
    pub(super) fn find(language: Language, args: &cli::BenchCompare) -> Option<Self> {
        match language {
            Language::Python => Self::python(args),
            Language::Node => Self::node(args),
            Language::Rust => Self::rust(args),
        }
    }

    /// Whether a handler finds the package that it takes.
    pub(super) fn has(&self, handler: &Handler) -> bool {
        match self.language {
            Language::Python => version_in_python(&self.packages, handler.package).is_some(),
            Language::Node => version_in_node(&self.packages, handler.package).is_some(),
            Language::Rust => true,
        }
    }

    fn python(args: &cli::BenchCompare) -> Option<Self> {
        let packages = std::path::absolute(&args.python_packages).ok()?;
        let client = version_in_python(&packages, "awslambdaric")?;
        let ask = "import sys; print(sys.version.split()[0]); print(sys.base_prefix); print(sys._base_executable)";
        let said = said_by(&args.python, &["-c", ask])?;
        let mut lines = said.lines();
        let (version, prefix, program) = (lines.next()?, Path::new(lines.next()?), lines.next()?);
        Some(Self {
            language: Language::Python,
            version: format!("awslambdaric {client}, Python {version}"),
            arguments: [program, "-m", "awslambdaric"].map(str::to_owned).to_vec(),
            mounts: mounts(prefix, &packages, PACKAGES),
            environment: vec![format!("PYTHONPATH={PACKAGES}")],
            packages,
        })
    }

    fn node(args: &cli::BenchCompare) -> Option<Self> {
        let packages = std::path::absolute(args.packages.join("node_modules")).ok()?;
        let client = version_in_node(&packages, "aws-lambda-ric")?;
        let said = said_by(&args.node, &["-p", "process.versions.node + '\\n' + process.execPath"])?;
        let (version, program) = said.trim_end().split_once('\n')?;
        Some(Self {
            language: Language::Node,
            version: format!("aws-lambda-ric {client}, Node.js {version}"),
            arguments: vec![program.to_owned(), format!("{MODULES}/aws-lambda-ric/bin/index.mjs")],
            mounts: mounts(Path::new(program).parent()?, &packages, MODULES),
            environment: Vec::new(),
            packages,
        })
    }

    fn rust(args: &cli::BenchCompare) -> Option<Self> {
        let packages = std::path::absolute(args.rust_lambda.join("bin")).ok()?;
        packages.join(BOOTSTRAP).is_file().then_some(())?;
        let manifest = MANIFEST.parse::<toml::Table>().ok()?;
        let version = manifest.get("dependencies")?.get("lambda_runtime")?.get("version")?.as_str()?;
        Some(Self {
            language: Language::Rust,
            version: format!("lambda_runtime {version}"),
            arguments: vec![format!("{PACKAGES}/{BOOTSTRAP}")],
            mounts: vec![Mount::new(&packages, PACKAGES)],
            environment: Vec::new(),
            packages,
        })
    }
}

/// Packages, and the folder of an interpreter that is not the system's.
fn mounts(interpreter: &Path, packages: &Path, destination: &str) -> Vec<Mount> {
    let own = (!interpreter.starts_with("/usr")).then(|| Mount::new(interpreter, &interpreter.display().to_string()));
    own.into_iter().chain([Mount::new(packages, destination)]).collect()
}

/// What a program prints; none if it is not on this machine.
fn said_by(program: &Path, arguments: &[&str]) -> Option<String> {
    let said = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    String::from_utf8(said.stdout).ok()
}

/// The version of a package in a folder of `pip`.
fn version_in_python(packages: &Path, name: &str) -> Option<String> {
    let entries = std::fs::read_dir(packages).ok()?;
    entries.flatten().find_map(|entry| {
        let file = entry.file_name().into_string().ok()?;
        Some(file.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(".dist-info")?.to_owned())
    })
}

/// The version of a package in a folder of `npm`.
fn version_in_node(packages: &Path, name: &str) -> Option<String> {
    let about = std::fs::read(packages.join(name).join("package.json")).ok()?;
    let about = serde_json::from_slice::<Value>(&about).ok()?;
    Some(about["version"].as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Interpreter {
        /// One that is nothing but a folder of packages.
        pub(in super::super) fn fake(language: Language, packages: &Path) -> Self {
            let (version, packages) = (String::new(), packages.to_owned());
            let (arguments, mounts, environment) = (Vec::new(), Vec::new(), Vec::new());
            Self { language, version, arguments, mounts, environment, packages }
        }
    }

    fn handler(language: Language, work: Work) -> &'static Handler {
        language.handlers().iter().find(|handler| handler.work == work).expect("each work in each language")
    }

    #[test]
    fn a_handler_is_there_where_its_package_is() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("boto3-1.44.8.dist-info")).expect("a folder");
        let client = folder.path().join("@aws-sdk/client-dynamodb");
        std::fs::create_dir_all(&client).expect("a folder");
        std::fs::write(client.join("package.json"), r#"{"version": "3.1.0"}"#).expect("a file");
        for language in [Language::Python, Language::Node] {
            let interpreter = Interpreter::fake(language, folder.path());
            let has = Work::ALL.map(|work| interpreter.has(handler(language, work)));
            assert_eq!(has, [false, true, false], "{}", language.label());
        }
        let all = Interpreter::fake(Language::Rust, folder.path());
        assert!(Work::ALL.iter().all(|work| all.has(handler(Language::Rust, *work))));
    }

    #[test]
    fn a_handler_is_in_the_module_of_its_work() {
        for language in Language::ALL {
            for handler in language.handlers() {
                let file = handler.file.map_or(handler.work.module(), |(name, _)| name);
                assert_eq!(file.split('.').next(), Some(handler.work.module()));
            }
        }
    }
}
