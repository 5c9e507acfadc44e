//! A type and both directions of its codec from one list of fields, so that no field is read and not written.

/// A type that is one JSON object of the portal, and its codec, from one list of fields. `needed` fields have no default; a type
/// with `group` has no object of its own: its fields stand among those of the object that it is part of; `settle` names a function
/// that looks at what was read before the rest is kept.
macro_rules! object {
    (@type
        [$($extra:tt)*]
        $(#[$meta:meta])*
        $name:ident
        { $( $(#[$nmeta:meta])* $nfield:ident : $ntype:ty = $nspec:expr ; )* }
        { $( $(#[$kmeta:meta])* $kfield:ident : $ktype:ty = $kspec:expr ; )* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $( $(#[$nmeta])* pub $nfield: $ntype, )*
            $( $(#[$kmeta])* #[serde(default)] pub $kfield: $ktype, )*
            $($extra)*
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            needed { $( $(#[$nmeta:meta])* $nfield:ident : $ntype:ty = $nspec:expr ; )* }
            known { $( $(#[$kmeta:meta])* $kfield:ident : $ktype:ty = $kspec:expr ; )* }
        }
        $(settle $settle:path;)?
    ) => {
        object! { @type
            [
                /// Fields that this model does not know, by their name on the wire; written back as they came.
                #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
                pub extra: $crate::dossier::Extra,
            ]
            $(#[$meta])*
            $name
            { $( $(#[$nmeta])* $nfield: $ntype = $nspec; )* }
            { $( $(#[$kmeta])* $kfield: $ktype = $kspec; )* }
        }

        impl $crate::dossier::fields::Object for $name {
            fn read(mut fields: $crate::dossier::fields::Fields<'_>) -> Option<Self> {
                // Everything is taken before the first missing value ends it, so that every violation is found.
                $( let $nfield = <$ntype as $crate::dossier::fields::Member>::take(&mut fields, &$nspec); )*
                $( let $kfield = <$ktype as $crate::dossier::fields::Member>::take(&mut fields, &$kspec); )*
                let mut read = Self {
                    $( $nfield: $nfield?, )*
                    $( $kfield: $kfield?, )*
                    extra: Default::default(),
                };
                $( $settle(&mut read, &mut fields); )?
                read.extra = fields.rest();
                Some(read)
            }

            fn write(
                &self,
                forms: &$crate::dossier::forms::ForeignForms,
            ) -> serde_json::Map<String, serde_json::Value> {
                let mut out = $crate::dossier::fields::Out::new(&self.extra, forms);
                $( $crate::dossier::fields::Member::put(&self.$nfield, &mut out, &$nspec); )*
                $( $crate::dossier::fields::Member::put(&self.$kfield, &mut out, &$kspec); )*
                out.finish()
            }
        }
    };
    (
        $(#[$meta:meta])*
        pub struct $name:ident group {
            needed { $( $(#[$nmeta:meta])* $nfield:ident : $ntype:ty = $nspec:expr ; )* }
            known { $( $(#[$kmeta:meta])* $kfield:ident : $ktype:ty = $kspec:expr ; )* }
        }
    ) => {
        object! { @type
            []
            $(#[$meta])*
            $name
            { $( $(#[$nmeta])* $nfield: $ntype = $nspec; )* }
            { $( $(#[$kmeta])* $kfield: $ktype = $kspec; )* }
        }

        impl $crate::dossier::fields::Member for $name {
            fn take(
                fields: &mut $crate::dossier::fields::Fields<'_>,
                _group: &$crate::dossier::fields::Spec,
            ) -> Option<Self> {
                $( let $nfield = <$ntype as $crate::dossier::fields::Member>::take(fields, &$nspec); )*
                $( let $kfield = <$ktype as $crate::dossier::fields::Member>::take(fields, &$kspec); )*
                Some(Self {
                    $( $nfield: $nfield?, )*
                    $( $kfield: $kfield?, )*
                })
            }

            fn put(
                &self,
                out: &mut $crate::dossier::fields::Out<'_>,
                _group: &$crate::dossier::fields::Spec,
            ) {
                $( $crate::dossier::fields::Member::put(&self.$nfield, out, &$nspec); )*
                $( $crate::dossier::fields::Member::put(&self.$kfield, out, &$kspec); )*
            }
        }
    };
}

/// A closed list of codes: the text on the wire, and a snake_case word in our own JSON.
macro_rules! coded {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident = $text:literal ; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $( $(#[$vmeta])* $variant, )*
        }

        impl $name {
            /// Every value in the order of the codes.
            pub const ALL: &'static [$name] = &[$( Self::$variant, )*];

            /// The text on the wire.
            pub const fn code(self) -> &'static str {
                match self {
                    $( Self::$variant => $text, )*
                }
            }

            /// The value of a text on the wire.
            pub fn from_code(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.code() == text)
            }
        }

        impl $crate::dossier::members::Coded for $name {
            const VALUES: &'static [Self] = Self::ALL;

            fn text(self) -> &'static str {
                self.code()
            }
        }
    };
}

/// Types that stand as an object in one field of another; without any value they are left out.
macro_rules! nested {
    ($($name:ident),* $(,)?) => {
        $(impl $crate::dossier::fields::Member for $name {
            fn take(
                fields: &mut $crate::dossier::fields::Fields<'_>,
                spec: &$crate::dossier::fields::Spec,
            ) -> Option<Self> {
                $crate::dossier::members::take_nested(fields, spec)
            }

            fn put(
                &self,
                out: &mut $crate::dossier::fields::Out<'_>,
                spec: &$crate::dossier::fields::Spec,
            ) {
                if *self != Self::default() {
                    let object = $crate::dossier::fields::Object::write(self, out.forms);
                    out.set(spec, object.into());
                }
            }
        })*
    };
}

/// Types that are the body of a request or an answer: in the forms of a protocol, of at most so many bytes.
macro_rules! body {
    ($name:ident, $forms:path, $bytes_max:path) => {
        impl $name {
            /// Reads a body in the usual forms.
            ///
            /// # Errors
            /// [`DossierError`](crate::dossier::DossierError) for what is no JSON object; rules that are broken stand in the item.
            pub fn read(
                bytes: &[u8],
            ) -> Result<$crate::dossier::Item<Self>, $crate::dossier::DossierError> {
                Self::read_in(bytes, &$forms)
            }

            /// Reads a body in the forms that an installation has set.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            pub fn read_in(
                bytes: &[u8],
                forms: &$crate::dossier::forms::ForeignForms,
            ) -> Result<$crate::dossier::Item<Self>, $crate::dossier::DossierError> {
                $crate::dossier::fields::read_body(bytes, $bytes_max, forms)
            }

            /// The body in the usual forms.
            pub fn to_bytes(&self) -> Vec<u8> {
                self.to_bytes_in(&$forms)
            }

            /// The body in the forms that an installation has set.
            pub fn to_bytes_in(&self, forms: &$crate::dossier::forms::ForeignForms) -> Vec<u8> {
                let object = $crate::dossier::fields::Object::write(self, forms);
                serde_json::Value::Object(object).to_string().into_bytes()
            }
        }
    };
}

pub(super) use {body, coded, nested, object};
