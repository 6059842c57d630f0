//! `wasi:config/store`, in the versions in use: the values that platform.toml gives the function.

use crate::bindings::wasi::{config0_2_0_draft_2024_09_27, config0_2_0_rc_1};
use crate::state::State;

impl State {
    fn config(&self, key: &str) -> Option<String> {
        self.function.config.get(key).cloned()
    }

    fn config_all(&self) -> Vec<(String, String)> {
        self.function.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

impl config0_2_0_rc_1::store::Host for State {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, config0_2_0_rc_1::store::Error>> {
        Ok(Ok(self.config(&key)))
    }

    fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, config0_2_0_rc_1::store::Error>> {
        Ok(Ok(self.config_all()))
    }
}

impl config0_2_0_draft_2024_09_27::store::Host for State {
    fn get(
        &mut self,
        key: String,
    ) -> wasmtime::Result<Result<Option<String>, config0_2_0_draft_2024_09_27::store::Error>> {
        Ok(Ok(self.config(&key)))
    }

    fn get_all(
        &mut self,
    ) -> wasmtime::Result<Result<Vec<(String, String)>, config0_2_0_draft_2024_09_27::store::Error>> {
        Ok(Ok(self.config_all()))
    }
}
