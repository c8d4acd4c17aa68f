//! Why a store does not open: one sentence for the operator, that names the file and what to do.

/// Why a store could not be opened. Nothing on disk was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("Lock failed,MQ already started")]
    Locked,
    /// A file is not what a store holds.
    #[error("{file}: {what}. {advice}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
        /// What to do.
        advice: String,
    },
    /// A setting that the store cannot work with.
    #[error("{0}")]
    Setting(String),
    /// The system refused.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
}
