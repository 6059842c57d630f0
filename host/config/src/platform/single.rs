//! The platform of `flint up some.wasm`, without any configuration.

use super::{
    FunctionSource, HostLimits, HostOutbound, KvStore, Listener, Methods, PathPattern, Platform, Route, Target,
};
use crate::raw;
use flint_model::name::NAME_LENGTH_MAX;
use flint_model::{Access, Capability, FunctionName, Grants, StoreName};
use std::collections::BTreeMap;
use std::path::Path;

impl Platform {
    /// One component on every route: the function is named after the file and may read and write the key-value store
    /// `default`; it may call no other host. All else is as the reference of the configuration says.
    pub fn single(component: &Path) -> Self {
        let name = name_of(component);
        let store = StoreName::parse("default").expect("`default` is a name");
        let mut grants = Grants::none();
        grants.add(Capability::Kv, store.as_str(), Access::ReadWrite);
        let mut function = raw::function::defaults(FunctionSource::Component(component.to_owned()));
        function.grants = grants;
        let path = PathPattern::parse("/{*path}").expect("`/{*path}` is a path");
        let target = Target::Function(name.clone());
        let route = Route {
            host: None,
            methods: Methods::Any,
            path,
            target,
            compress: false,
            cors: None,
            rate: None,
            idempotency: None,
        };
        Self {
            data_dir: raw::data_dir_default(),
            listener: Listener::default(),
            limits: HostLimits::default(),
            outbound: HostOutbound::default(),
            functions: BTreeMap::from([(name, function)]),
            routes: vec![route],
            kv: BTreeMap::from([(store, KvStore::default())]),
            queues: BTreeMap::new(),
            buckets: BTreeMap::new(),
            schedules: BTreeMap::new(),
            workflows: BTreeMap::new(),
            topics: BTreeMap::new(),
            subscriptions: Vec::new(),
            triggers: Vec::new(),
        }
    }
}

/// Makes a name of a file's name: other characters become hyphens, and it starts with a letter.
fn name_of(file: &Path) -> FunctionName {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    let allowed = |c: char| if matches!(c, 'a'..='z' | '0'..='9') { c } else { '-' };
    let mut name: String = stem.chars().map(allowed).collect();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "function-");
    }
    name.truncate(NAME_LENGTH_MAX);
    FunctionName::parse(name.trim_end_matches('-')).expect("letters, digits and inner hyphens are a name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Isolation;
    use proptest::prelude::*;

    #[test]
    fn a_component_alone_answers_everything_and_has_a_store() {
        let platform = Platform::single(Path::new("target/Hello_02.wasm"));
        let (name, function) = platform.functions.first_key_value().expect("one function");
        assert_eq!(name.as_str(), "hello-02");
        assert_eq!(function.source, FunctionSource::Component("target/Hello_02.wasm".into()));
        assert_eq!(function.isolation, Isolation::Fresh);
        assert!(function.grants.allows(Capability::Kv, "default", Access::ReadWrite) && function.outbound.is_empty());
        assert_eq!(platform.routes[0].path.as_str(), "/{*path}");
        assert_eq!(platform.kv.keys().map(StoreName::as_str).collect::<Vec<_>>(), ["default"]);
        assert_eq!(platform.data_dir, Path::new(".flint"));
        assert!(platform.listener.admin.ip().is_loopback());
    }

    proptest! {
        #[test]
        fn any_file_has_a_name(file in "\\PC{0,80}") {
            name_of(Path::new(&file));
        }
    }

    #[test]
    fn odd_files_have_readable_names() {
        for (file, name) in
            [("1st.wasm", "function-1st"), (".wasm", "function--wasm"), ("", "function"), ("ä.wasm", "function")]
        {
            assert_eq!(name_of(Path::new(file)).as_str(), name, "{file}");
        }
    }
}
