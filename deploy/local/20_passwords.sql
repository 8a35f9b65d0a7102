-- After 10_project.sql: who may log in over the network of the containers.
\getenv password POSTGRES_PASSWORD
alter role postgres password :'password';
alter role authenticator password :'password';
