//! Both faces.
