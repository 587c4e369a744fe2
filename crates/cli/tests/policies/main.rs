//! Policies as an administrator steers them: by the program, by the API and by files, with phones to see what arrives.

#![cfg(test)]

mod every_setting;
mod running;
mod steering;
